import Primitives

/// SipHash-2-4 with a 128-bit result (Aumasson and Bernstein 2012, and its reference code).
///
/// With a secret key, nobody outside can choose two inputs that meet in one slot.
@usableFromInline
struct SipHash128 {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var byteCount: UInt64 = 0

    init(_ key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d ^ 0xEE
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    /// Adds eight bytes, given as a little-endian word. Only before `finish(_:)`.
    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
        byteCount &+= 8
    }

    /// Adds `rest`, whatever its length, and ends.
    mutating func finish(_ rest: Span<UInt8>) -> (UInt64, UInt64) {
        var offset = 0
        while offset &+ 8 <= rest.count {
            absorb(rest.word(at: offset))
            offset &+= 8
        }
        var last: UInt64 = 0
        var shift: UInt64 = 0
        while offset < rest.count {
            last |= UInt64(rest[offset]) << shift
            shift &+= 8
            byteCount &+= 1
            offset &+= 1
        }
        return finish(last: last)
    }

    /// Ends after whole words.
    mutating func finish() -> (UInt64, UInt64) {
        finish(last: 0)
    }

    private mutating func finish(last: UInt64) -> (UInt64, UInt64) {
        let word = last | byteCount << 56
        v3 ^= word
        round()
        round()
        v0 ^= word
        v2 ^= 0xEE
        for _ in 0..<4 { round() }
        let first = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xDD
        for _ in 0..<4 { round() }
        return (first, v0 ^ v1 ^ v2 ^ v3)
    }

    @inline(__always)
    private mutating func round() {
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
