import COpenSSL

/// One `SSL_CTX` with what every session of ours has in common, freed with the object.
@safe
final class OpenSSLContext: @unchecked Sendable {
    // Sendable: OpenSSL counts references with atomics; it is not changed after it is set up.
    /// `SSL_CTX *`.
    let pointer: OpaquePointer

    /// Mozilla's "intermediate" suites of TLS 1.2 without those over DHE, whose computation a
    /// client can ask for again and again at no cost to itself (CVE-2002-20001).
    private static let cipherSuites12 = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")
    private static let cipherSuites13 = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ].joined(separator: ":")
    /// 112 bits: no SHA-1 signatures, no RSA under 2048 bits.
    private static let securityLevel: CInt = 2

    /// A context of `method`, which is `TLS_server_method()` or `TLS_client_method()`.
    ///
    /// - Parameters:
    ///   - groups: Key exchanges in order of preference, in OpenSSL's words.
    ///   - options: Bits of `SSL_OP_`.
    init(
        _ method: OpaquePointer?, library: TLSLibrary, minimum: TLSVersion, groups: String,
        options: UInt64
    ) throws(TLSError) {
        // Safe: a new context, owned by this object and freed in deinit only.
        guard let made = unsafe SSL_CTX_new_ex(library.context, nil, method) else {
            throw .outOfMemory
        }
        unsafe pointer = made
        unsafe SSL_CTX_set_security_level(made, OpenSSLContext.securityLevel)
        unsafe SSL_CTX_set_options(made, options)
        // What a piece of a write was is not asked again; idle sessions keep no buffers; a chain is
        // what its file says, not what the authorities' store could add.
        let modes =
            SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
            | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN
        unsafe SSL_CTX_ctrl(made, SSL_CTRL_MODE, Int(modes), nil)
        unsafe SSL_CTX_ctrl(made, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        unsafe SSL_CTX_ctrl(made, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        unsafe OpenSSLContext.showCertificates(of: made, to: library)
        var groupText = groups.utf8CString
        let isSet = unsafe groupText.withUnsafeMutableBufferPointer { text in
            unsafe SSL_CTX_ctrl(made, SSL_CTRL_SET_GROUPS_LIST, 0, text.baseAddress) == 1
                && SSL_CTX_ctrl(
                    made, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(minimum.rawValue), nil) == 1
                && SSL_CTX_set_cipher_list(made, OpenSSLContext.cipherSuites12) == 1
                && SSL_CTX_set_ciphersuites(made, OpenSSLContext.cipherSuites13) == 1
        }
        guard isSet else {
            ERR_clear_error()
            throw .settingRefused
        }
    }

    /// Makes `context` show every certificate of a peer to `library` before it is verified, so that
    /// a refused one is known too.
    private static func showCertificates(of context: OpaquePointer, to library: TLSLibrary) {
        // Safe: whoever owns the context holds the library. OpenSSL lends the certificate for the
        // length of the callback.
        unsafe SSL_CTX_set_cert_verify_callback(
            context,
            { verification, library in
                guard let verification = unsafe verification, let library = unsafe library else {
                    return 0
                }
                if let certificate = unsafe X509_STORE_CTX_get0_cert(verification) {
                    unsafe Unmanaged<TLSLibrary>.fromOpaque(library).takeUnretainedValue()
                        .hello.take(certificate: certificate)
                }
                unsafe OpenSSLContext.spareAnchor(verification)
                return unsafe X509_verify_cert(verification)
            }, Unmanaged.passUnretained(library).toOpaque())
    }

    /// Makes `verification` ask for no revocation list about the authority at the chain's end.
    ///
    /// OpenSSL asks for one of its parent, and where the authority is not self-signed it could not
    /// even check that list's signature. Whoever believes an authority no longer takes it out of
    /// the file. A chain of one, which is in the file itself, and one that ends with a self-signed
    /// certificate are judged as OpenSSL does.
    private static func spareAnchor(_ verification: OpaquePointer) {
        // Safe: OpenSSL lends all of it for the length of the callback.
        unsafe X509_STORE_CTX_set_verify_cb(verification) { isFine, verification in
            guard isFine == 0, let verification = unsafe verification else { return isFine }
            let chain = unsafe X509_STORE_CTX_get0_chain(verification)
            let depth = unsafe X509_STORE_CTX_get_error_depth(verification)
            guard depth > 0, unsafe depth == OPENSSL_sk_num(chain) - 1,
                let last = unsafe OPENSSL_sk_value(chain, depth),
                unsafe X509_self_signed(OpaquePointer(last), 0) == 0,
                unsafe OpenSSLContext.isAboutList(X509_STORE_CTX_get_error(verification))
            else { return 0 }
            unsafe X509_STORE_CTX_set_error(verification, X509_V_OK)
            return 1
        }
    }

    /// Whether the error of a verification is about a revocation list, and not that it names the
    /// certificate.
    private static func isAboutList(_ error: CInt) -> Bool {
        switch error {
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
            X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE, X509_V_ERR_CRL_SIGNATURE_FAILURE,
            X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_HAS_EXPIRED,
            X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, X509_V_ERR_DIFFERENT_CRL_SCOPE,
            X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
            true
        default: false
        }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }
}
