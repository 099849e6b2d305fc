import COpenSSL

/// An Ed25519 private key (RFC 8032).
///
/// For rare signatures: it makes a context for each, in OpenSSL's default library context.
@safe
public struct SigningKey: ~Copyable, @unchecked Sendable {
    // Sendable: an EVP_PKEY that nobody changes may be used by several threads at once.
    private let key: OpaquePointer
    /// The public key, 32 bytes.
    public let publicKey: [UInt8]

    /// Bytes in a seed, and in a public key.
    public static let keyBytes = 32
    /// Bytes in a signature.
    public static let signatureBytes = 64
    /// Longest PEM text that is written.
    private static let pemBytes = 512

    private init(owning key: OpaquePointer) throws(CryptoError) {
        guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 else {
            unsafe EVP_PKEY_free(key)
            throw .privateKeyOfOtherAlgorithm
        }
        var count = SigningKey.keyBytes
        var bytes = [UInt8](repeating: 0, count: count)
        // Safe: at most `count` bytes are written to memory that has as many.
        guard unsafe EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1,
            count == SigningKey.keyBytes
        else {
            unsafe EVP_PKEY_free(key)
            throw .keyUnusable
        }
        unsafe self.key = key
        publicKey = bytes
    }

    deinit {
        // Safe: the key is owned once and freed here only.
        unsafe EVP_PKEY_free(key)
    }

    /// A new random key.
    public static func generate() throws(CryptoError) -> SigningKey {
        // OpenSSL makes the seed in its secure heap, so that no other memory ever holds it.
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else {
            throw .libraryUnavailable
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        // Safe: the context lives until the end of the call, and the key is owned right away.
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_keygen(context, &made) == 1, let key = unsafe made
        else {
            ERR_clear_error()
            throw .keyUnusable
        }
        return unsafe try SigningKey(owning: key)
    }

    /// The key with this 32-byte `seed`.
    public init(seed: Span<UInt8>) throws(CryptoError) {
        guard seed.count == SigningKey.keyBytes else { throw .seedLengthWrong }
        // Safe: the seed is only read, for the length of the call.
        let made = unsafe seed.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, $0.baseAddress, $0.count)
        }
        guard let made = unsafe made else { throw .keyUnusable }
        unsafe try self.init(owning: made)
    }

    /// The key in an unencrypted PKCS #8 PEM text.
    public init(pem: [UInt8]) throws(CryptoError) {
        guard let length = CInt(exactly: pem.count) else { throw .privateKeyMalformed }
        // Safe: the text outlives the BIO over it. The callback answers "no passphrase", so that
        // an encrypted key is refused instead of asked about on a terminal.
        let made = unsafe pem.withUnsafeBytes { text -> OpaquePointer? in
            guard let memory = unsafe BIO_new_mem_buf(text.baseAddress, length) else { return nil }
            defer { unsafe BIO_free(memory) }
            return unsafe SecureHeap.handlingSecret {
                unsafe PEM_read_bio_PrivateKey(memory, nil, { _, _, _, _ in -1 }, nil)
            }
        }
        ERR_clear_error()
        guard let made = unsafe made else { throw .privateKeyMalformed }
        unsafe try self.init(owning: made)
    }

    /// The key as unencrypted PKCS #8 PEM. It is the secret itself: write it nowhere readable.
    public borrowing func pem() throws(CryptoError) -> [UInt8] {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { throw .keyUnusable }
        // Safe: the BIO is freed on every way out; at most `count` bytes are read into the array.
        defer { unsafe BIO_free(memory) }
        guard unsafe PEM_write_bio_PKCS8PrivateKey(memory, key, nil, nil, 0, nil, nil) == 1 else {
            throw .keyUnusable
        }
        var text = [UInt8](repeating: 0, count: SigningKey.pemBytes)
        let count = unsafe BIO_read(memory, &text, CInt(text.count))
        guard count > 0, count < SigningKey.pemBytes else { throw .keyUnusable }
        text.removeLast(text.count - Int(count))
        return text
    }

    /// The 64-byte signature over `message`.
    public borrowing func sign(_ message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw .signingFailed }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1 else {
            throw .signingFailed
        }
        var count = SigningKey.signatureBytes
        var signature = [UInt8](repeating: 0, count: count)
        // Safe: at most `count` bytes are written to memory that has as many.
        let result = unsafe message.withUnsafeBufferPointer {
            unsafe EVP_DigestSign(context, &signature, &count, $0.baseAddress, $0.count)
        }
        guard result == 1, count == SigningKey.signatureBytes else { throw .signingFailed }
        return signature
    }
}

/// Checks Ed25519 signatures that are met rarely, such as those of checkpoints.
public enum Ed25519Verification {
    /// Whether `signature` is one over `message` by the holder of `publicKey`.
    public static func verify(
        signature: Span<UInt8>, message: Span<UInt8>, publicKey: Span<UInt8>
    ) -> Bool {
        guard signature.count == SigningKey.signatureBytes,
            publicKey.count == SigningKey.keyBytes
        else { return false }
        // Safe: the key's bytes are only read, for the length of the call.
        let made = unsafe publicKey.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, $0.baseAddress, $0.count)
        }
        guard let key = unsafe made else {
            ERR_clear_error()
            return false
        }
        defer { unsafe EVP_PKEY_free(key) }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        // Safe: both are only read, for the length of the call.
        let result = unsafe signature.withUnsafeBufferPointer { signatureBytes in
            unsafe message.withUnsafeBufferPointer { messageBytes in
                unsafe EVP_DigestVerify(
                    context, signatureBytes.baseAddress, signatureBytes.count,
                    messageBytes.baseAddress, messageBytes.count)
            }
        }
        ERR_clear_error()
        return result == 1
    }
}
