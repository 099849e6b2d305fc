import COpenSSL
import Primitives

/// An OCSP response that a server shows with its certificate (RFC 6960, RFC 6066 §8).
struct StapledAnswer: Sendable {
    /// The response in DER.
    let bytes: [UInt8]
    /// When the next one is due, in seconds since 1970; it is not shown from then on.
    let nextUpdate: Int64

    /// What a response is good for.
    enum Judgement {
        case usable(StapledAnswer)
        /// It is not shown; in words, why.
        case stale(String)
    }

    /// How far ahead of this machine's clock a responder's may be: 5 minutes.
    private static let clockSkewSeconds: Int64 = 300

    /// Judges `bytes`, the file at `path`, as a response for the certificate of `chain`.
    static func judge(
        _ bytes: [UInt8], path: String, for chain: CertificateChain, now: WallTime
    ) throws(TLSError) -> Judgement {
        defer { ERR_clear_error() }
        // Safe: what OpenSSL made is freed here; what it lends belongs to the response.
        let made = unsafe bytes.withUnsafeBufferPointer { buffer in
            var place = buffer.baseAddress
            return unsafe d2i_OCSP_RESPONSE(nil, &place, buffer.count)
        }
        guard let response = unsafe made else { throw .ocspMalformed(path: path) }
        defer { unsafe OCSP_RESPONSE_free(response) }
        let status = unsafe OCSP_response_status(response)
        guard status == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
            throw .ocspUnsuccessful(path: path, status: Int(status))
        }
        guard let basic = unsafe OCSP_response_get1_basic(response) else {
            throw .ocspMalformed(path: path)
        }
        defer { unsafe OCSP_BASICRESP_free(basic) }
        guard let single = unsafe single(in: basic, for: chain) else {
            throw .ocspOfOtherCertificate(path: path)
        }
        if unsafe chain.issuer != nil {
            let flags = UInt(OCSP_NOVERIFY)
            guard unsafe OCSP_basic_verify(basic, chain.rest, nil, flags) == 1 else {
                throw .ocspSignatureInvalid(path: path)
            }
        }
        return unsafe try judge(single, bytes, path: path, now: now)
    }

    private static func judge(
        _ single: OpaquePointer, _ bytes: [UInt8], path: String, now: WallTime
    ) throws(TLSError) -> Judgement {
        var thisUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var nextUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        let status = unsafe OCSP_single_get0_status(single, nil, nil, &thisUpdate, &nextUpdate)
        guard status != V_OCSP_CERTSTATUS_REVOKED else { throw .ocspRevoked(path: path) }
        guard status == V_OCSP_CERTSTATUS_GOOD else {
            return .stale("\(path) does not know the certificate and is not stapled")
        }
        let begin = unsafe CertificateTime.seconds(thisUpdate)
        let end = unsafe CertificateTime.seconds(nextUpdate)
        guard let begin, begin <= now.seconds + clockSkewSeconds else {
            return .stale("\(path) is not valid yet and is not stapled")
        }
        guard let end else {
            return .stale("\(path) does not say until when it is valid and is not stapled")
        }
        guard end > now.seconds else {
            return .stale("\(path) has run out and is not stapled")
        }
        return .usable(StapledAnswer(bytes: bytes, nextUpdate: end))
    }

    /// The answer for the certificate: the one with its serial number, and its issuer when that is
    /// at hand.
    private static func single(
        in basic: OpaquePointer, for chain: CertificateChain
    ) -> OpaquePointer? {
        for place in 0..<(unsafe OCSP_resp_count(basic)) {
            guard let single = unsafe OCSP_resp_get0(basic, place),
                let id = unsafe OCSP_SINGLERESP_get0_id(single), unsafe isFor(chain, id)
            else { continue }
            return unsafe single
        }
        return nil
    }

    private static func isFor(_ chain: CertificateChain, _ id: OpaquePointer) -> Bool {
        var algorithm: OpaquePointer?
        var serial: UnsafeMutablePointer<ASN1_INTEGER>?
        guard unsafe OCSP_id_get0_info(nil, &algorithm, nil, &serial, id) == 1 else {
            return false
        }
        guard let issuer = unsafe chain.issuer else {
            return unsafe ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(chain.leaf)) == 0
        }
        guard let digest = unsafe sallyport_digest_of(algorithm),
            let own = unsafe OCSP_cert_to_id(digest, chain.leaf, issuer)
        else { return false }
        defer { unsafe OCSP_CERTID_free(own) }
        return unsafe OCSP_id_cmp(own, id) == 0
    }
}
