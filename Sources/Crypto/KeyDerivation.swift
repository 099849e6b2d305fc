import COpenSSL

/// HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869) for keys that are made rarely.
enum KeyDerivation {
    /// Bytes of a MAC, and of every key that is derived.
    static let byteCount = 32

    /// The MAC of `bytes` under `key`.
    static func mac(key: [UInt8], _ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        var mac = [UInt8](repeating: 0, count: byteCount)
        var count: CUnsignedInt = 0
        // Safe: SHA-256's MAC has 32 bytes, as many as the array; the rest is only read.
        let result = unsafe HMAC(
            EVP_sha256(), key, CInt(truncatingIfNeeded: key.count), bytes, bytes.count, &mac,
            &count)
        guard unsafe result != nil, count == CUnsignedInt(byteCount) else {
            throw .algorithmUnavailable
        }
        return mac
    }

    /// One block of HKDF: a key of 32 bytes.
    ///
    /// - Parameter salt: Empty stands for zeros, as RFC 5869 §2.2 says.
    static func key(
        from secret: [UInt8], salt: [UInt8], info: String
    ) throws(CryptoError) -> [UInt8] {
        let key = salt.isEmpty ? [UInt8](repeating: 0, count: byteCount) : salt
        return try mac(key: try mac(key: key, secret), Array(info.utf8) + [1])
    }

    /// Whether both are the same, in a time that depends on their length only.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        // Safe: both are read for the length they have.
        return unsafe CRYPTO_memcmp(left, right, left.count) == 0
    }
}
