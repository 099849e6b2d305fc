/// The Castagnoli cyclic redundancy check (RFC 3720 §12.1), sixteen bytes at a time.
///
/// It tells a torn write from a whole one. It proves nothing against somebody who wants to deceive.
@safe
public struct CRC32C: ~Copyable, Sendable {
    // Sendable: written once in init.
    @usableFromInline nonisolated(unsafe) let tables: UnsafeMutablePointer<UInt32>
    private static let slices = 16
    private static let polynomial: UInt32 = 0x82F6_3B78

    /// Makes the tables: 16 KiB, once per user.
    public init() {
        unsafe tables = .allocate(capacity: 256 * CRC32C.slices)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 {
                value = value & 1 == 1 ? (value >> 1) ^ CRC32C.polynomial : value >> 1
            }
            unsafe (tables + byte).initialize(to: value)
        }
        for index in 256..<256 * CRC32C.slices {
            // Safe: the table before this one is complete.
            let value = unsafe tables[index - 256]
            let next = unsafe (value >> 8) ^ tables[Int(value & 0xFF)]
            unsafe (tables + index).initialize(to: next)
        }
    }

    deinit {
        unsafe tables.deallocate()
    }

    /// The check of `bytes`; of what came before followed by `bytes`, when that had `start`.
    @inlinable
    public borrowing func checksum(_ bytes: Span<UInt8>, continuing start: UInt32 = 0) -> UInt32 {
        var crc = ~start
        var offset = 0
        let end = bytes.count
        while offset &+ 16 <= end {
            let first = bytes.word(at: offset) ^ UInt64(crc)
            let second = bytes.word(at: offset &+ 8)
            crc = fold(first, 15) ^ fold(second, 7)
            offset &+= 16
        }
        while offset < end {
            // Safe: an index below 256, in the first table.
            crc = unsafe (crc >> 8) ^ tables[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
            offset &+= 1
        }
        return ~crc
    }

    /// Eight bytes through the tables `top`, `top - 1` and so on.
    @inlinable
    @inline(__always)
    borrowing func fold(_ word: UInt64, _ top: Int) -> UInt32 {
        var result: UInt32 = 0
        for position in 0..<8 {
            let byte = Int(truncatingIfNeeded: (word >> UInt64(position &* 8)) & 0xFF)
            // Safe: the table's number is below 16 and the index below 256.
            result ^= unsafe tables[(top &- position) &* 256 &+ byte]
        }
        return result
    }
}
