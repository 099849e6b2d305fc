import COpenSSL
import Primitives

/// What a certificate is to say (RFC 5280).
public struct CertificateRequest: Sendable {
    /// The kind of key.
    public enum Key: Sendable, CaseIterable {
        /// ECDSA on P-256.
        case p256
        /// RSA of 2048 bits.
        case rsa2048
        /// Ed25519.
        case ed25519
    }

    /// The subject's common name.
    public var commonName: String
    /// Alternative names as OpenSSL's settings write them: `DNS:localhost`, `IP:127.0.0.1`,
    /// `URI:spiffe://example/one`.
    public var alternativeNames: [String]
    /// What it may be used for, as OpenSSL's settings write it: `serverAuth`, `clientAuth`.
    public var usage: String
    /// The kind of key that is made for it.
    public var key = Key.p256
    /// From when it is valid, in seconds since 1970.
    public var notBefore: Int64
    /// Until when it is valid, in seconds since 1970.
    public var notAfter: Int64

    /// A certificate with a P-256 key.
    public init(
        commonName: String, alternativeNames: [String], usage: String, notBefore: Int64,
        notAfter: Int64
    ) {
        self.commonName = commonName
        self.alternativeNames = alternativeNames
        self.usage = usage
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

/// A certificate and its private key, both as PEM.
public struct IssuedCertificate: Sendable {
    /// The certificate.
    public let certificate: [UInt8]
    /// The key, unencrypted: write it nowhere readable.
    public let key: [UInt8]
}

/// Signs certificates: for the demonstration and for tests. The proxy itself never issues one.
@safe
public struct CertificateAuthority: ~Copyable {
    private let certificate: OpaquePointer
    private let key: OpaquePointer

    /// A new authority with a P-256 key; its certificate is signed by itself.
    public init(name: String, notBefore: Int64, notAfter: Int64) throws(CryptoError) {
        guard let key = unsafe CertificateAuthority.makeKey(.p256) else { throw .keyUnusable }
        let request = CertificateRequest(
            commonName: name, alternativeNames: [], usage: "", notBefore: notBefore,
            notAfter: notAfter)
        guard let made = unsafe CertificateAuthority.make(request, key: key, issuer: nil) else {
            unsafe EVP_PKEY_free(key)
            throw .signingFailed
        }
        unsafe self.key = key
        unsafe certificate = made
    }

    /// The authority that `certificate` and `key`, both PEM, are of.
    public init(certificate: [UInt8], key: [UInt8]) throws(CryptoError) {
        let read = unsafe PEMMemory.read(key) {
            unsafe PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let read = unsafe read else { throw .privateKeyMalformed }
        let found = unsafe PEMMemory.read(certificate) {
            unsafe PEM_read_bio_X509($0, nil, nil, nil)
        }
        guard let found = unsafe found, unsafe X509_check_private_key(found, read) == 1 else {
            unsafe X509_free(found)
            unsafe EVP_PKEY_free(read)
            throw .keyUnusable
        }
        unsafe self.key = read
        unsafe self.certificate = found
    }

    deinit {
        // Safe: both are owned once and freed here only.
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    /// The authority's own certificate and key.
    public borrowing func own() throws(CryptoError) -> IssuedCertificate {
        unsafe try CertificateAuthority.text(certificate, key)
    }

    /// A new key, and a certificate for it as `request` says.
    public borrowing func issue(
        _ request: CertificateRequest
    ) throws(CryptoError) -> IssuedCertificate {
        guard let fresh = unsafe CertificateAuthority.makeKey(request.key) else {
            throw .keyUnusable
        }
        defer { unsafe EVP_PKEY_free(fresh) }
        let made = unsafe CertificateAuthority.make(
            request, key: fresh, issuer: (certificate, key))
        guard let made = unsafe made else { throw .signingFailed }
        defer { unsafe X509_free(made) }
        return unsafe try CertificateAuthority.text(made, fresh)
    }

    private static func text(
        _ certificate: OpaquePointer, _ key: OpaquePointer
    ) throws(CryptoError) -> IssuedCertificate {
        let certificateText = unsafe PEMMemory.write { unsafe PEM_write_bio_X509($0, certificate) }
        let keyText = unsafe PEMMemory.write {
            unsafe PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil)
        }
        guard let certificateText, let keyText else { throw .keyUnusable }
        return IssuedCertificate(certificate: certificateText, key: keyText)
    }

    private static func makeKey(_ kind: CertificateRequest.Key) -> OpaquePointer? {
        let name =
            switch kind {
            case .p256: "EC"
            case .rsa2048: "RSA"
            case .ed25519: "ED25519"
            }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, name, nil) else { return nil }
        // Safe: the context is freed on every way out; the key that is made is the caller's.
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { return nil }
        let isSet: CInt =
            switch kind {
            case .p256: unsafe EVP_PKEY_CTX_set_group_name(context, "P-256")
            case .rsa2048: unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048)
            case .ed25519: 1
            }
        var key: OpaquePointer?
        guard isSet == 1, unsafe EVP_PKEY_generate(context, &key) == 1 else { return nil }
        return unsafe key
    }

    /// A signed certificate; an authority's own when there is no issuer.
    private static func make(
        _ request: CertificateRequest, key: OpaquePointer,
        issuer: (certificate: OpaquePointer, key: OpaquePointer)?
    ) -> OpaquePointer? {
        guard let made = unsafe X509_new() else { return nil }
        let signer = unsafe issuer?.certificate ?? made
        let name = unsafe X509_get_subject_name(made)
        let commonName = Array(request.commonName.utf8)
        // Safe: all pointers are parts of `made` or outlive it; the text is copied.
        let isFilled =
            unsafe X509_set_version(made, 2) == 1
            && ASN1_INTEGER_set_uint64(
                X509_get_serialNumber(made), RandomBytes.number() >> 1) == 1
            && ASN1_TIME_set(X509_getm_notBefore(made), time_t(request.notBefore)) != nil
            && ASN1_TIME_set(X509_getm_notAfter(made), time_t(request.notAfter)) != nil
            && X509_NAME_add_entry_by_txt(
                name, "CN", MBSTRING_FLAG | 0, commonName, CInt(commonName.count), -1, 0) == 1
            && X509_set_issuer_name(made, X509_get_subject_name(signer)) == 1
            && X509_set_pubkey(made, key) == 1
        var isDone = isFilled
        for (number, value) in extensions(request, isAuthority: unsafe issuer == nil) {
            isDone = unsafe isDone && add(number, value, to: made, signer: signer)
        }
        isDone = unsafe isDone && sign(made, issuer?.key ?? key)
        if isDone { return unsafe made }
        unsafe X509_free(made)
        return nil
    }

    private static func sign(_ certificate: OpaquePointer, _ key: OpaquePointer) -> Bool {
        // Ed25519 hashes by itself.
        let isEdwards = unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519
        return unsafe X509_sign(certificate, key, isEdwards ? nil : EVP_sha256()) > 0
    }

    private static func extensions(
        _ request: CertificateRequest, isAuthority: Bool
    ) -> [(number: CInt, value: String)] {
        guard !isAuthority else {
            return [
                (NID_basic_constraints, "critical,CA:TRUE"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"),
            ]
        }
        var list = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_key_usage, "critical,digitalSignature"),
            (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
        ]
        if !request.usage.isEmpty { list.append((NID_ext_key_usage, request.usage)) }
        if !request.alternativeNames.isEmpty {
            list.append((NID_subject_alt_name, request.alternativeNames.joined(separator: ",")))
        }
        return list
    }

    private static func add(
        _ number: CInt, _ value: String, to certificate: OpaquePointer, signer: OpaquePointer
    ) -> Bool {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, signer, certificate, nil, nil, 0)
        guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, number, value) else {
            ERR_clear_error()
            return false
        }
        // Safe: the certificate copies the extension.
        defer { unsafe X509_EXTENSION_free(made) }
        return unsafe X509_add_ext(certificate, made, -1) == 1
    }
}

/// PEM texts through OpenSSL's memory BIOs.
enum PEMMemory {
    /// Longest text that is written.
    private static let limitBytes = 1 << 16

    /// What `read` makes of `text`.
    static func read(_ text: [UInt8], _ read: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let length = CInt(exactly: text.count) else { return nil }
        defer { ERR_clear_error() }
        // Safe: the text outlives the BIO over it.
        return unsafe text.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let memory = unsafe BIO_new_mem_buf(bytes.baseAddress, length) else { return nil }
            defer { unsafe BIO_free(memory) }
            return unsafe read(memory)
        }
    }

    /// The text that `write` writes; nil when it answers other than 1.
    static func write(_ write: (OpaquePointer) -> CInt) -> [UInt8]? {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return nil }
        // Safe: the BIO is freed on every way out; at most as many bytes are read as there is room.
        defer { unsafe BIO_free(memory) }
        guard unsafe write(memory) == 1 else { return nil }
        var text = [UInt8](repeating: 0, count: limitBytes)
        let count = unsafe BIO_read(memory, &text, CInt(text.count))
        guard count > 0, count < limitBytes else { return nil }
        text.removeLast(text.count - Int(count))
        return text
    }
}
