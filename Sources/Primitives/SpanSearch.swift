// The byte loops. Every search over raw bytes is here, so that speed and bounds are judged once.

extension UInt8 {
    /// LF, the end of a line after CR.
    @inlinable public static var lineFeed: UInt8 { 0x0A }
    /// CR, the first half of a line end.
    @inlinable public static var carriageReturn: UInt8 { 0x0D }
    /// SP.
    @inlinable public static var space: UInt8 { 0x20 }
    /// HTAB.
    @inlinable public static var tab: UInt8 { 0x09 }

    /// This byte with A–Z folded to a–z.
    @inlinable
    public var asciiLowercased: UInt8 {
        (self &- 0x41) < 26 ? self | 0x20 : self
    }

    /// Whether this byte is one of 0–9.
    @inlinable public var isASCIIDigit: Bool { (self &- 0x30) < 10 }

    /// The value of a hexadecimal digit of either case, or nil.
    @inlinable
    public var hexValue: UInt8? {
        if isASCIIDigit { return self &- 0x30 }
        let letter = self | 0x20
        return (letter &- 0x61) < 6 ? letter &- 0x61 &+ 10 : nil
    }
}

extension Span where Element == UInt8 {
    /// The eight bytes at `offset` as a little-endian word; `offset + 8` must lie inside.
    @inlinable
    @inline(__always)
    public func word(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset &+ 8 <= count)
        // Safe: the eight bytes were just checked to lie inside the span.
        return unsafe UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Position of the first `byte` at or after `start`, or nil. Eight bytes at a time.
    @inlinable
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        var offset = start
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        while offset &+ 8 <= count {
            let difference = word(at: offset) ^ pattern
            let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
            if zeros != 0 { return offset &+ zeros.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        while offset < count {
            if self[offset] == byte { return offset }
            offset &+= 1
        }
        return nil
    }

    /// Position of the first control byte (below 0x20, or 0x7F) at or after `start`, or `count`.
    @inlinable
    public func firstControl(from start: Int) -> Int {
        var offset = start
        // Sixteen bytes at a time as long as all is printable ASCII, for which one comparison does.
        while offset &+ 16 <= count {
            // Safe: the sixteen bytes lie inside the span.
            let bytes = unsafe self.bytes.unsafeLoadUnaligned(
                fromByteOffset: offset, as: SIMD16<UInt8>.self)
            let others =
                (bytes &- SIMD16(repeating: 0x20)) .>= SIMD16<UInt8>(repeating: 0x7F - 0x20)
            // Safe: a mask of sixteen bytes is sixteen bytes; `any` would be a call per turn.
            let words = unsafe unsafeBitCast(others, to: SIMD2<UInt64>.self)
            if words[0] | words[1] != 0 { break }
            offset &+= 16
        }
        while offset &+ 8 <= count {
            let bytes = word(at: offset)
            let low = (bytes &- 0x2020_2020_2020_2020) & ~bytes & 0x8080_8080_8080_8080
            let delete = bytes ^ 0x7F7F_7F7F_7F7F_7F7F
            let deletes = (delete &- 0x0101_0101_0101_0101) & ~delete & 0x8080_8080_8080_8080
            // A borrow can mark a byte above the first true one, never below it.
            let marks = low | deletes
            if marks != 0 { return offset &+ marks.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        while offset < count {
            let byte = self[offset]
            if byte < 0x20 || byte == 0x7F { return offset }
            offset &+= 1
        }
        return count
    }

    /// How many bytes are left without the zeros at the end. Eight bytes at a time.
    @inlinable
    public var countWithoutTrailingZeros: Int {
        var end = count
        while end >= 8, word(at: end &- 8) == 0 { end &-= 8 }
        while end > 0, self[end &- 1] == 0 { end &-= 1 }
        return end
    }

    /// Whether these bytes equal `other`, letter case included. Not for secrets: it stops early.
    @inlinable
    public func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var offset = 0
        while offset &+ 8 <= count {
            if word(at: offset) != other.word(at: offset) { return false }
            offset &+= 8
        }
        while offset < count {
            if self[offset] != other[offset] { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether these bytes equal the ASCII literal, letter case ignored. `literal` is lower case.
    @inlinable
    public func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        // Safe: a StaticString's bytes live as long as the program.
        let start = unsafe literal.utf8Start
        for offset in 0..<count {
            if unsafe self[offset].asciiLowercased != start[offset] { return false }
        }
        return true
    }

    /// Whether these bytes equal the ASCII literal, letter case included.
    @inlinable
    public func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        // Safe: a StaticString's bytes live as long as the program.
        let start = unsafe literal.utf8Start
        for offset in 0..<count {
            if unsafe self[offset] != start[offset] { return false }
        }
        return true
    }

    /// A decimal number of digits only (no sign, no space), or nil when empty, other or past `Int64.max`.
    @inlinable
    public func decimalNumber() -> Int64? {
        guard count > 0, count <= 19 else { return nil }
        var value: UInt64 = 0
        for offset in 0..<count {
            let byte = self[offset]
            guard byte.isASCIIDigit else { return nil }
            value = value &* 10 &+ UInt64(byte &- 0x30)
        }
        return value <= UInt64(Int64.max) ? Int64(value) : nil
    }

    /// These bytes as text for people; invalid UTF-8 is repaired. Not for the request path.
    public func text() -> String {
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        for offset in 0..<count { copy.append(self[offset]) }
        return String(decoding: copy, as: UTF8.self)
    }
}
