import COpenSSL

/// An X25519 private key (RFC 7748), for a shared secret with somebody's public key.
@safe
struct X25519Key: ~Copyable, @unchecked Sendable {
    // Sendable: an EVP_PKEY that nobody changes may be used by several threads at once.
    private let key: OpaquePointer
    /// The public key, 32 bytes.
    let publicKey: [UInt8]

    /// Bytes in a private key, a public key and a shared secret.
    static let keyBytes = 32

    /// The key with these 32 secret bytes.
    init(secret: Span<UInt8>) throws(CryptoError) {
        guard secret.count == X25519Key.keyBytes else { throw .seedLengthWrong }
        // Safe: the secret is only read, for the length of the call.
        let made = unsafe secret.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, $0.baseAddress, $0.count)
        }
        guard let made = unsafe made else { throw .keyUnusable }
        var count = X25519Key.keyBytes
        var bytes = [UInt8](repeating: 0, count: count)
        // Safe: at most `count` bytes are written to memory that has as many.
        guard unsafe EVP_PKEY_get_raw_public_key(made, &bytes, &count) == 1 else {
            unsafe EVP_PKEY_free(made)
            throw .keyUnusable
        }
        unsafe key = made
        publicKey = bytes
    }

    deinit {
        // Safe: the key is owned once and freed here only.
        unsafe EVP_PKEY_free(key)
    }

    /// A new random key.
    static func generate() throws(CryptoError) -> X25519Key {
        var secret = RandomBytes.bytes(keyBytes)
        defer { unsafe OPENSSL_cleanse(&secret, secret.count) }
        return try X25519Key(secret: secret.span)
    }

    /// The secret shared with the owner of `peer`; a key that makes it all zero is refused.
    borrowing func sharedSecret(with peer: [UInt8]) throws(CryptoError) -> [UInt8] {
        // Safe: the key is only read, for the length of the call.
        let other = unsafe peer.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, $0.baseAddress, $0.count)
        }
        guard let other = unsafe other else { throw .keyUnusable }
        defer { unsafe EVP_PKEY_free(other) }
        guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { throw .libraryUnavailable }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var secret = [UInt8](repeating: 0, count: X25519Key.keyBytes)
        var count = secret.count
        // Safe: all pointers are live; at most `count` bytes are written.
        guard unsafe EVP_PKEY_derive_init(context) == 1,
            unsafe EVP_PKEY_derive_set_peer(context, other) == 1,
            unsafe EVP_PKEY_derive(context, &secret, &count) == 1,
            count == X25519Key.keyBytes
        else {
            ERR_clear_error()
            throw .keyUnusable
        }
        return secret
    }
}
