/// SipHash-2-4 with a 64-bit result (Aumasson and Bernstein 2012).
///
/// With a secret key, nobody outside can choose inputs that meet in one place of a table.
public enum SipHash {
    /// The keyed hash of `bytes`; the key's halves are little-endian words.
    @inlinable
    public static func hash(_ bytes: Span<UInt8>, secret: (UInt64, UInt64)) -> UInt64 {
        var v0 = secret.0 ^ 0x736f_6d65_7073_6575
        var v1 = secret.1 ^ 0x646f_7261_6e64_6f6d
        var v2 = secret.0 ^ 0x6c79_6765_6e65_7261
        var v3 = secret.1 ^ 0x7465_6462_7974_6573
        var offset = 0
        while offset &+ 8 <= bytes.count {
            let word = bytes.word(at: offset)
            v3 ^= word
            round(&v0, &v1, &v2, &v3)
            round(&v0, &v1, &v2, &v3)
            v0 ^= word
            offset &+= 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            last |= UInt64(bytes[offset]) << shift
            shift &+= 8
            offset &+= 1
        }
        v3 ^= last
        round(&v0, &v1, &v2, &v3)
        round(&v0, &v1, &v2, &v3)
        v0 ^= last
        v2 ^= 0xFF
        for _ in 0..<4 { round(&v0, &v1, &v2, &v3) }
        return v0 ^ v1 ^ v2 ^ v3
    }

    @inlinable
    @inline(__always)
    static func round(
        _ v0: inout UInt64, _ v1: inout UInt64, _ v2: inout UInt64, _ v3: inout UInt64
    ) {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }
}
