import COpenSSL
import Crypto
import Primitives

/// One certificate with those that lead from it to an authority, as a PEM file holds them.
// Safe: every pointer is this object's own and freed in deinit only; what is borrowed from a
// certificate is read while the object is held.
@safe
final class CertificateChain: @unchecked Sendable {
    // Sendable: OpenSSL's certificates are counted with atomics and not changed after init.
    /// Most certificates that are read of one file.
    static let limit = 32

    /// `X509 *`, the certificate itself.
    let leaf: OpaquePointer
    /// `STACK_OF(X509) *`, the others in their order.
    let rest: OpaquePointer
    /// What is told of it.
    let summary: CertificateSummary
    /// From when on it is valid, in seconds since 1970.
    let notBefore: Int64

    /// The chain in `text`, which is the file at `path`.
    init(_ text: [UInt8], path: String, library: TLSLibrary) throws(TLSError) {
        guard let stack = unsafe OPENSSL_sk_new_null() else { throw .outOfMemory }
        var first: OpaquePointer?
        var isWhole = true
        let isRead = unsafe PEMText.read(text.span) { memory in
            reading: for _ in 0..<CertificateChain.limit {
                switch unsafe PEMText.nextCertificate(memory, library) {
                case .object(let certificate):
                    if unsafe first == nil {
                        unsafe first = certificate
                    } else if unsafe OPENSSL_sk_push(stack, UnsafeRawPointer(certificate)) <= 0 {
                        unsafe X509_free(certificate)
                        isWhole = false
                        break reading
                    }
                case .end: break reading
                case .malformed:
                    isWhole = false
                    break reading
                }
            }
        }
        guard isRead, isWhole, let certificate = unsafe first,
            let kind = unsafe CertificateChain.kind(of: X509_get0_pubkey(certificate))
        else {
            let isMissing = unsafe isRead && isWhole && first == nil
            unsafe X509_free(first)
            unsafe sallyport_free_certificates(stack)
            if isMissing { throw .certificateMissing(path: path) }
            if isRead, isWhole { throw .certificateKeyUnsuitable(path: path) }
            throw .certificateMalformed(path: path)
        }
        unsafe leaf = certificate
        unsafe rest = stack
        unsafe summary = CertificateSummary(
            sha256: PeerCertificate.digest(certificate),
            names: CertificateChain.names(of: certificate),
            notAfter: CertificateTime.seconds(X509_get0_notAfter(certificate)) ?? 0, kind: kind)
        unsafe notBefore = CertificateTime.seconds(X509_get0_notBefore(certificate)) ?? .max
    }

    deinit {
        unsafe X509_free(leaf)
        unsafe sallyport_free_certificates(rest)
    }

    /// `X509 *` of the certificate's issuer, when the file has it.
    var issuer: OpaquePointer? {
        guard let next = unsafe OPENSSL_sk_value(rest, 0) else { return nil }
        let certificate = OpaquePointer(next)
        return unsafe X509_check_issued(certificate, leaf) == X509_V_OK ? certificate : nil
    }

    /// What the operator should know of it, as the file at `path`.
    func warnings(path: String, now: WallTime) -> [String] {
        var warnings: [String] = []
        let left = summary.notAfter - now.seconds
        if left < 0 {
            warnings.append("the certificate in \(path) has run out")
        } else if left < CertificateChain.warningSeconds {
            warnings.append("the certificate in \(path) runs out in \(left / 3600) hours")
        }
        if notBefore > now.seconds {
            warnings.append("the certificate in \(path) is not valid yet")
        }
        if unsafe OPENSSL_sk_num(rest) > 0, unsafe issuer == nil {
            warnings.append("the second certificate in \(path) did not issue the first")
        }
        return warnings
    }

    /// How long before its end a certificate is warned of: 14 days.
    private static let warningSeconds: Int64 = 14 * 86_400

    /// The kind of this `EVP_PKEY *`; nil when it is none that is used.
    static func kind(of key: OpaquePointer?) -> CertificateKind? {
        guard let key = unsafe key else { return nil }
        if unsafe EVP_PKEY_is_a(key, "RSA") == 1 {
            return unsafe (2048...8192).contains(EVP_PKEY_get_bits(key)) ? .rsa : nil
        }
        if unsafe EVP_PKEY_is_a(key, "ED25519") == 1 { return .ed25519 }
        guard unsafe EVP_PKEY_is_a(key, "EC") == 1 else { return nil }
        var name = [CChar](repeating: 0, count: 32)
        var count = 0
        guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else {
            ERR_clear_error()
            return nil
        }
        let text = String(decoding: name.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return ["prime256v1", "P-256", "secp384r1", "P-384"].contains(text) ? .ecdsa : nil
    }

    /// The alternative DNS names; the common name when there are no alternative names at all.
    private static func names(of certificate: OpaquePointer) -> [String] {
        guard let list = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
        else { return unsafe commonName(of: certificate) }
        let names = OpaquePointer(list)
        defer { unsafe GENERAL_NAMES_free(names) }
        var found: [String] = []
        for place in 0..<(unsafe OPENSSL_sk_num(names)) {
            guard let item = unsafe OPENSSL_sk_value(names, place) else { continue }
            var kind: CInt = -1
            let value = unsafe GENERAL_NAME_get0_value(
                item.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard kind == GEN_DNS, let value = unsafe value else { continue }
            if let text = unsafe text(of: value.assumingMemoryBound(to: ASN1_STRING.self)) {
                found.append(text)
            }
        }
        return found
    }

    private static func commonName(of certificate: OpaquePointer) -> [String] {
        let subject = unsafe X509_get_subject_name(certificate)
        let place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard place >= 0, let entry = unsafe X509_NAME_get_entry(subject, place),
            let value = unsafe X509_NAME_ENTRY_get_data(entry), let text = unsafe text(of: value)
        else { return [] }
        return [text]
    }

    /// The text of a name of printable ASCII; nil for any other.
    private static func text(of value: UnsafePointer<ASN1_STRING>) -> String? {
        let count = unsafe Int(ASN1_STRING_length(value))
        guard count > 0, let start = unsafe ASN1_STRING_get0_data(value) else { return nil }
        let bytes = unsafe Span<UInt8>(_unsafeStart: start, count: count)
        guard bytes.isPrintableASCII else { return nil }
        return unsafe String(
            decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

/// The private key of a certificate.
@safe
final class PrivateKey: @unchecked Sendable {
    // Sendable: an EVP_PKEY that nobody changes may be used by several threads at once.
    /// `EVP_PKEY *`.
    let key: OpaquePointer

    /// The key in `bytes`, the PEM file that `files` name, which must be that of `chain`.
    init(
        _ bytes: CertificateBytes, files: CertificateFiles, chain: CertificateChain,
        library: TLSLibrary
    ) throws(TLSError) {
        var made: OpaquePointer?
        var failure = PEMText.KeyFailure.malformed
        let secret = bytes.key
        let isRead = unsafe PEMText.read(secret.bytes) { memory in
            do throws(PEMText.KeyFailure) {
                unsafe made = try SecureHeap.handlingSecret { () throws(PEMText.KeyFailure) in
                    unsafe try PEMText.privateKey(memory, library)
                }
            } catch {
                failure = error
            }
        }
        guard isRead, let made = unsafe made else {
            switch failure {
            case .missing: throw .keyMissing(path: files.key)
            case .encrypted: throw .keyEncrypted(path: files.key)
            case .malformed: throw .keyMalformed(path: files.key)
            }
        }
        // Safe: both are live. The key is freed here or in deinit, once.
        guard unsafe X509_check_private_key(chain.leaf, made) == 1 else {
            ERR_clear_error()
            unsafe EVP_PKEY_free(made)
            throw .keyMismatch(certificate: files.certificate, key: files.key)
        }
        unsafe key = made
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }
}

/// A certificate with its key, as both are used.
struct CertificatePair: Sendable {
    /// The certificate and those after it.
    let chain: CertificateChain
    /// Its key.
    let key: PrivateKey
    /// The path of the certificate, for errors.
    let path: String

    /// What is in `bytes`, which are the files at `files`.
    init(_ bytes: CertificateBytes, files: CertificateFiles, library: TLSLibrary) throws(TLSError) {
        chain = try CertificateChain(
            bytes.certificate, path: files.certificate, library: library)
        key = try PrivateKey(bytes, files: files, chain: chain, library: library)
        path = files.certificate
    }

    /// Makes the sessions of `context`, a `SSL_CTX *`, show it.
    func use(in context: OpaquePointer) throws(TLSError) {
        // Safe: OpenSSL takes references of its own.
        let result = unsafe SSL_CTX_use_cert_and_key(
            context, chain.leaf, key.key, chain.rest, 1)
        ERR_clear_error()
        guard result == 1 else { throw .certificateRefused(path: path) }
    }
}

/// The times that certificates and OCSP responses carry.
enum CertificateTime {
    /// Seconds since 1970 of an `ASN1_TIME *`; nil when it is none.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        guard let time = unsafe time, let epoch = unsafe ASN1_TIME_set(nil, 0) else { return nil }
        // Safe: the epoch is this function's own; the time is only read.
        defer { unsafe ASN1_STRING_free(epoch) }
        var days: CInt = 0
        var seconds: CInt = 0
        guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
            ERR_clear_error()
            return nil
        }
        return Int64(days) * 86_400 + Int64(seconds)
    }
}
