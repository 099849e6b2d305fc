/// Steps through the bytes that a JSON string stands for, its escapes resolved.
///
/// Only for a string that `JSONReader` answered, beside the bytes it was read from.
public struct JSONTextCursor: Sendable, BitwiseCopyable {
    private var offset: Int
    private let end: Int
    /// Bytes of a character that an escape stands for, not yet answered; the next one lowest.
    private var pending: UInt32 = 0
    private var pendingCount = 0

    /// A cursor at the start of `text`.
    public init(_ text: JSONText) {
        offset = text.range.lower
        end = text.range.upper
    }

    /// The next byte, or nil at the end.
    public mutating func next(in bytes: Span<UInt8>) -> UInt8? {
        if pendingCount > 0 {
            pendingCount -= 1
            defer { pending >>= 8 }
            return UInt8(truncatingIfNeeded: pending)
        }
        guard offset < end else { return nil }
        let byte = bytes[offset]
        offset += 1
        guard byte == UInt8(ascii: "\\") else { return byte }
        let escape = bytes[offset]
        offset += 1
        switch escape {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): return nextCharacter(in: bytes)
        default: return escape
        }
    }

    /// The first byte of the character whose four digits come next; its others become pending.
    private mutating func nextCharacter(in bytes: Span<UInt8>) -> UInt8 {
        var scalar = bytes.hexCodeUnit(at: offset) ?? 0
        offset += 4
        if scalar & 0xFC00 == 0xD800 {
            let low = bytes.hexCodeUnit(at: offset + 2) ?? 0
            offset += 6
            scalar = 0x1_0000 + ((scalar & 0x3FF) << 10 | (low & 0x3FF))
        }
        switch scalar {
        case ..<0x80:
            return UInt8(truncatingIfNeeded: scalar)
        case ..<0x800:
            pending = 0x80 | (scalar & 0x3F)
            pendingCount = 1
            return 0xC0 | UInt8(truncatingIfNeeded: scalar >> 6)
        case ..<0x1_0000:
            pending = 0x80 | (scalar >> 6 & 0x3F) | (0x80 | (scalar & 0x3F)) << 8
            pendingCount = 2
            return 0xE0 | UInt8(truncatingIfNeeded: scalar >> 12)
        default:
            pending =
                0x80 | (scalar >> 12 & 0x3F) | (0x80 | (scalar >> 6 & 0x3F)) << 8
                | (0x80 | (scalar & 0x3F)) << 16
            pendingCount = 3
            return 0xF0 | UInt8(truncatingIfNeeded: scalar >> 18)
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether the JSON string `text` of these bytes stands for exactly `other`.
    public func jsonText(_ text: JSONText, equals other: Span<UInt8>) -> Bool {
        if !text.hasEscapes { return extracting(text.range).equals(other) }
        var cursor = JSONTextCursor(text)
        for offset in 0..<other.count {
            guard cursor.next(in: self) == other[offset] else { return false }
        }
        return cursor.next(in: self) == nil
    }

    /// Whether the JSON string `text` of these bytes stands for exactly the ASCII literal.
    public func jsonText(_ text: JSONText, equals literal: StaticString) -> Bool {
        if !text.hasEscapes { return extracting(text.range).equals(literal) }
        // Safe: a StaticString's bytes live as long as the program.
        let other = unsafe Span(
            _unsafeStart: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return jsonText(text, equals: other)
    }

    /// Whether two JSON strings of these bytes stand for the same text.
    public func jsonTexts(_ left: JSONText, equal right: JSONText) -> Bool {
        var first = JSONTextCursor(left)
        var second = JSONTextCursor(right)
        while true {
            let byte = first.next(in: self)
            guard byte == second.next(in: self) else { return false }
            if byte == nil { return true }
        }
    }

    /// What the JSON string `text` of these bytes stands for, as bytes. Not for the request path.
    public func jsonBytes(_ text: JSONText) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Int(text.range.count))
        var cursor = JSONTextCursor(text)
        while let byte = cursor.next(in: self) { result.append(byte) }
        return result
    }

    /// The four hexadecimal digits at `offset` as a number, or nil.
    func hexCodeUnit(at offset: Int) -> UInt32? {
        var unit: UInt32 = 0
        for position in offset..<offset + 4 {
            guard let digit = self[position].hexValue else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// Bytes of the UTF-8 sequence at `offset`, which is not ASCII; nil when it is malformed.
    ///
    /// RFC 3629 §4: no overlong form, no surrogate, nothing past U+10FFFF.
    func utf8SequenceCount(at offset: Int) -> Int? {
        let first = self[offset]
        let size: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: size = 2
        case 0xE0...0xEF:
            size = 3
            if first == 0xE0 { lowest = 0xA0 }
            if first == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            size = 4
            if first == 0xF0 { lowest = 0x90 }
            if first == 0xF4 { highest = 0x8F }
        default: return nil
        }
        guard count - offset >= size else { return nil }
        guard self[offset + 1] >= lowest, self[offset + 1] <= highest else { return nil }
        for position in offset + 2..<offset + size where self[position] & 0xC0 != 0x80 {
            return nil
        }
        return size
    }

    /// The JSON number in `range` in millionths, rounded towards zero; nil past 64 bits.
    ///
    /// For NumericDate (RFC 7519 §2), whose fractions and exponents are permitted. Exact: no
    /// floating point.
    public func jsonMillionths(_ range: ByteRange) -> Int64? {
        let isNegative = range.count > 0 && self[range.lower] == UInt8(ascii: "-")
        var offset = range.lower + (isNegative ? 1 : 0)
        var digits: Int64 = 0
        /// The value is digits × 10^scale.
        var scale = 6
        var isFraction = false
        while offset < range.upper, self[offset] | 0x20 != UInt8(ascii: "e") {
            let byte = self[offset]
            offset += 1
            if byte == UInt8(ascii: ".") {
                isFraction = true
                continue
            }
            // A fraction's digits past the last millionth change nothing that is kept, but an
            // exponent could lift them: only as many as 18 digits hold are counted.
            if isFraction && (scale <= -11 || digits > 99_999_999_999_999_999) { continue }
            let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int64(byte &- 0x30))
            guard !overflow, !carried else { return nil }
            digits = sum
            if isFraction { scale -= 1 }
        }
        if offset < range.upper {
            offset += 1
            let isReduced = self[offset] == UInt8(ascii: "-")
            if isReduced || self[offset] == UInt8(ascii: "+") { offset += 1 }
            guard
                let exponent = extracting(offset..<range.upper).decimalNumber(), exponent < 1000
            else { return digits == 0 ? 0 : nil }
            scale += isReduced ? -Int(exponent) : Int(exponent)
        }
        while scale > 0, digits != 0 {
            let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            digits = product
            scale -= 1
        }
        while scale < 0, digits != 0 {
            digits /= 10
            scale += 1
        }
        return isNegative ? -digits : digits
    }
}

extension ByteWriter {
    /// Appends what the JSON string `text` of `bytes` stands for, as UTF-8.
    public mutating func appendJSONText(_ text: JSONText, from bytes: Span<UInt8>) {
        guard text.hasEscapes else { return append(bytes.extracting(text.range)) }
        var cursor = JSONTextCursor(text)
        while let byte = cursor.next(in: bytes) { append(byte) }
    }
}
