import COpenSSL

/// One thread's own OpenSSL library context, with the algorithms that the hot paths use.
///
/// OpenSSL 3.0 takes locks inside a context, and looking an algorithm up costs more than a short
/// digest; so each thread has a context and looks up once, at its start. The value outlives
/// everything made from it: what is made from it holds a reference of OpenSSL's own.
@safe
public struct CryptoLibrary: ~Copyable, @unchecked Sendable {
    // Sendable: OpenSSL guards a context's insides; what is fetched never changes.
    /// `OSSL_LIB_CTX *`, for this target's own calls.
    let context: OpaquePointer
    /// `EVP_MD *` for SHA-256.
    let sha256: OpaquePointer
    /// Whether that is the default provider's, whose functions libcrypto also offers by name.
    let isDefaultSHA256: Bool

    /// Makes a context and fetches SHA-256.
    public init() throws(CryptoError) {
        // Safe: a new context, which nobody else frees.
        guard let made = unsafe OSSL_LIB_CTX_new() else { throw .libraryUnavailable }
        guard let digest = unsafe EVP_MD_fetch(made, "SHA256", nil) else {
            unsafe OSSL_LIB_CTX_free(made)
            throw .algorithmUnavailable
        }
        unsafe context = made
        unsafe sha256 = digest
        // Safe: the provider and its name live as long as the digest that came from it.
        if let provider = unsafe EVP_MD_get0_provider(digest),
            let name = unsafe OSSL_PROVIDER_get0_name(provider)
        {
            isDefaultSHA256 = unsafe String(cString: name) == "default"
        } else {
            isDefaultSHA256 = false
        }
    }

    deinit {
        // Safe: both were made in init and are freed here only.
        unsafe EVP_MD_free(sha256)
        unsafe OSSL_LIB_CTX_free(context)
    }
}
