/// SipHash-2-4 (Aumasson and Bernstein 2012, and its reference code).
///
/// With a secret key, nobody outside can choose inputs that meet in one place of a table.
@frozen
public struct SipHash: Sendable, BitwiseCopyable {
    @usableFromInline var v0: UInt64
    @usableFromInline var v1: UInt64
    @usableFromInline var v2: UInt64
    @usableFromInline var v3: UInt64
    @usableFromInline var byteCount: UInt64 = 0
    @usableFromInline let isWide: Bool

    /// A hash of nothing yet; the key's halves are little-endian words.
    ///
    /// - Parameter isWide: Whether `finishWide` ends it, whose 128 bits are another function.
    @inlinable
    @inline(__always)
    public init(secret: (UInt64, UInt64), isWide: Bool) {
        v0 = secret.0 ^ 0x736f_6d65_7073_6575
        v1 = secret.1 ^ 0x646f_7261_6e64_6f6d ^ (isWide ? 0xEE : 0)
        v2 = secret.0 ^ 0x6c79_6765_6e65_7261
        v3 = secret.1 ^ 0x7465_6462_7974_6573
        self.isWide = isWide
    }

    /// The keyed 64-bit hash of `bytes`.
    @inlinable
    public static func hash(_ bytes: Span<UInt8>, secret: (UInt64, UInt64)) -> UInt64 {
        var hash = SipHash(secret: secret, isWide: false)
        hash.end(bytes)
        return hash.v0 ^ hash.v1 ^ hash.v2 ^ hash.v3
    }

    /// Adds eight bytes, given as a little-endian word.
    @inlinable
    @inline(__always)
    public mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
        byteCount &+= 8
    }

    /// Adds `rest`, whatever its length, and ends with 128 bits.
    @inlinable
    public mutating func finishWide(_ rest: Span<UInt8>) -> (UInt64, UInt64) {
        precondition(isWide)
        end(rest)
        let first = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xDD
        for _ in 0..<4 { round() }
        return (first, v0 ^ v1 ^ v2 ^ v3)
    }

    @inlinable
    @inline(__always)
    mutating func end(_ rest: Span<UInt8>) {
        var offset = 0
        while offset &+ 8 <= rest.count {
            absorb(rest.word(at: offset))
            offset &+= 8
        }
        var last = (byteCount &+ UInt64(rest.count &- offset)) << 56
        var shift: UInt64 = 0
        while offset < rest.count {
            last |= UInt64(rest[offset]) << shift
            shift &+= 8
            offset &+= 1
        }
        absorb(last)
        v2 ^= isWide ? 0xEE : 0xFF
        for _ in 0..<4 { round() }
    }

    @inlinable
    @inline(__always)
    mutating func round() {
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
