/// Appends to memory whose room was asked for once, before all appends, instead of at each.
///
/// For text made of very many short pieces with a known bound. Some appends store past what they
/// append (a whole word, a whole block), so that the bound needs `slack` bytes more than the text.
/// Each append still checks the bound, which is one comparison; what is saved is the bookkeeping.
@safe
public struct PreparedWriter: ~Copyable {
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    @usableFromInline let room: Int
    @usableFromInline var written = 0

    /// Most bytes that an append stores past what it appends.
    public static let slack = 32

    /// Writes into the memory from `base` on.
    ///
    /// The caller promises that `room` bytes are there for as long as this value lives, and that
    /// no more than `room - slack` are appended.
    @unsafe
    @inlinable
    public init(at base: UnsafeMutablePointer<UInt8>, room: Int) {
        unsafe self.base = base
        self.room = room
    }

    /// Bytes written so far.
    @inlinable public var count: Int { written }

    /// Where the next byte goes, which has room for `size`.
    @inlinable
    @inline(__always)
    func target(_ size: Int) -> UnsafeMutableRawPointer {
        // The promise of `init`: a bug in what was asked for must not write past it.
        precondition(size <= room &- written)
        return unsafe UnsafeMutableRawPointer(base + written)
    }

    /// Appends one byte.
    @inlinable
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        // Safe: `init` was promised the room, as for all appends below.
        unsafe target(1).storeBytes(of: byte, as: UInt8.self)
        written &+= 1
    }

    /// Appends the literal's UTF-8.
    @inlinable
    @inline(__always)
    public mutating func append(_ literal: StaticString) {
        let size = literal.utf8CodeUnitCount
        // Safe: a StaticString lives as long as the program.
        unsafe target(size).copyMemory(from: literal.utf8Start, byteCount: size)
        written &+= size
    }

    /// Takes the last byte back.
    @inlinable
    @inline(__always)
    public mutating func dropLast() {
        precondition(written > 0)
        written &-= 1
    }

    /// Leaves `size` bytes to be filled by the caller.
    @inlinable
    @inline(__always)
    public mutating func skip(_ size: Int) {
        // Safe: the room is there; the bytes are given a value.
        unsafe target(size).initializeMemory(as: UInt8.self, repeating: 0, count: size)
        written &+= size
    }

    /// Appends `size` bytes in blocks of 32.
    ///
    /// The caller promises that the memory at `source` goes on for another block.
    @unsafe
    @inlinable
    @inline(__always)
    public mutating func appendBlocks(_ source: UnsafePointer<UInt8>, _ size: Int) {
        let target = unsafe target(size &+ PreparedWriter.slack)
        let source = unsafe UnsafeRawPointer(source)
        var offset = 0
        repeat {
            let block = unsafe source.loadUnaligned(
                fromByteOffset: offset, as: SIMD32<UInt8>.self)
            unsafe target.storeBytes(of: block, toByteOffset: offset, as: SIMD32<UInt8>.self)
            offset &+= 32
        } while offset < size
        written &+= size
    }

    /// Appends all of `bytes`.
    ///
    /// - Returns: Whether all were printable ASCII without quotes and backslashes.
    @inlinable
    public mutating func appendPlain(_ bytes: Span<UInt8>) -> Bool {
        let size = bytes.count
        let target = unsafe target(size)
        var marks: UInt64 = 0
        // Safe: loads and stores at offsets below `size`, in both; they never overlap.
        unsafe bytes.withUnsafeBytes { source in
            if size >= 8 {
                var offset = 0
                while offset &+ 8 <= size {
                    let word = unsafe source.loadUnaligned(
                        fromByteOffset: offset, as: UInt64.self)
                    unsafe target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                    marks |= word.jsonMarks
                    offset &+= 8
                }
                let last = unsafe source.loadUnaligned(fromByteOffset: size &- 8, as: UInt64.self)
                unsafe target.storeBytes(of: last, toByteOffset: size &- 8, as: UInt64.self)
                marks |= last.jsonMarks
            } else {
                var word: UInt64 = 0x2020_2020_2020_2020
                for offset in 0..<size {
                    let byte = unsafe source[offset]
                    unsafe target.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
                    word = word << 8 | UInt64(byte)
                }
                marks = word.jsonMarks
            }
        }
        written &+= size
        return marks == 0
    }

    /// Appends `value` in decimal, without padding.
    @inlinable
    @inline(__always)
    public mutating func appendDecimal(_ value: UInt64) {
        if value < 10 {
            append(0x30 &+ UInt8(truncatingIfNeeded: value))
        } else if value < 100_000_000 {
            appendShortDecimal(value)
        } else {
            appendLongDecimal(value)
        }
    }

    /// Appends a number of at most eight digits.
    @inlinable
    @inline(__always)
    mutating func appendShortDecimal(_ value: UInt64) {
        let digits = value.eightDigits
        // The first digit is the lowest byte; zeros before the number are shifted out.
        let zeros = min(digits.trailingZeroBitCount & ~7, 56)
        unsafe target(8).storeBytes(
            of: (digits | 0x3030_3030_3030_3030) >> UInt64(zeros), as: UInt64.self)
        written &+= 8 &- zeros / 8
    }

    @inlinable
    mutating func appendLongDecimal(_ value: UInt64) {
        let (high, low) = value.quotientAndRemainder(dividingBy: 100_000_000)
        if high < 100_000_000 { appendShortDecimal(high) } else { appendLongDecimal(high) }
        unsafe target(8).storeBytes(
            of: low.eightDigits | 0x3030_3030_3030_3030, as: UInt64.self)
        written &+= 8
    }

    /// Appends 16 hexadecimal digits, lower case.
    @inlinable
    @inline(__always)
    public mutating func appendHex(_ value: UInt64) {
        let high = UInt32(truncatingIfNeeded: value >> 32).hexDigits.bigEndian
        let low = UInt32(truncatingIfNeeded: value).hexDigits.bigEndian
        let target = unsafe target(16)
        unsafe target.storeBytes(of: high, as: UInt64.self)
        unsafe target.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
        written &+= 16
    }

    /// Appends 32 hexadecimal digits, lower case.
    @inlinable
    @inline(__always)
    public mutating func appendHex(_ identifier: Identifier128) {
        appendHex(identifier.high)
        appendHex(identifier.low)
    }

    /// Appends the address of `peer` without its port, as `ByteWriter` does.
    @inlinable
    public mutating func appendAddress(_ peer: PeerAddress) {
        if peer.isIPv4 {
            let value = peer.address.low
            appendShortDecimal(value >> 24 & 255)
            append(0x2E)
            appendShortDecimal(value >> 16 & 255)
            append(0x2E)
            appendShortDecimal(value >> 8 & 255)
            append(0x2E)
            appendShortDecimal(value & 255)
        } else {
            // Safe: no address is longer than 45 bytes.
            let memory = unsafe UnsafeMutableBufferPointer(
                start: target(48).assumingMemoryBound(to: UInt8.self), count: 48)
            var writer = unsafe ByteWriter(over: memory)
            writer.appendAddress(peer)
            written &+= writer.count
        }
    }
}

extension ByteWriter {
    /// Runs `body` with a writer into the next `room` bytes; what it wrote stays if it answers so.
    ///
    /// - Returns: What `body` answered; false when there is less room, or was before.
    @inlinable
    @inline(__always)
    public mutating func prepare(
        _ room: Int, _ body: (inout PreparedWriter) -> Bool
    ) -> Bool {
        guard !ranOut, room <= capacity &- written else { return false }
        // Safe: the room was just checked; the writer does not escape `body`.
        var prepared = unsafe PreparedWriter(at: base + written, room: room)
        guard body(&prepared) else { return false }
        precondition(prepared.count <= room)
        written &+= prepared.count
        return true
    }

    /// Leaves `size` bytes of zero, for the caller to fill later.
    @inlinable
    public mutating func skip(_ size: Int) {
        guard reserve(size) else { return }
        // Safe: reserve checked the bound.
        unsafe (base + written).update(repeating: 0, count: size)
        written &+= size
    }
}

extension UInt64 {
    /// The high bit of each byte that can't simply be copied into a JSON string; a mark above the
    /// first true one may be false.
    @inlinable
    @inline(__always)
    var jsonMarks: UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = self ^ 0x2222_2222_2222_2222
        let backslash = self ^ 0x5C5C_5C5C_5C5C_5C5C
        // All printable ASCII: adding 1 marks 0x7F and above, taking 0x20 away what is below it.
        let outside = (self &+ ones) | (self &- 0x2020_2020_2020_2020)
        let equal = (quote &- ones) | (backslash &- ones)
        return (outside | equal | self) & 0x8080_8080_8080_8080
    }

    /// The eight decimal digits of a number below 10^8, one in each byte, the first in the lowest.
    @inlinable
    @inline(__always)
    var eightDigits: UInt64 {
        let (high, low) = quotientAndRemainder(dividingBy: 10_000)
        let halves = high | low << 32
        let hundreds = (halves &* 10_486) >> 20 & 0x7F_0000_007F
        let pairs = (halves &- 100 &* hundreds) << 16 &+ hundreds
        let tens = (pairs &* 103) >> 10 & 0x000F_000F_000F_000F
        return tens &+ (pairs &- 10 &* tens) << 8
    }
}
