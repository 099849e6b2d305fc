import Primitives

// Text of peers inside a JSON string (audit log format §2, RFC 8785 §3.2.2.2).
//
// Invalid UTF-8, C0 and C1 controls, DEL, bidirectional controls and U+2028/9 become `%XX` of
// the raw bytes. So that `%0A` sent and a line feed sent stay two things, a value in which that
// happened has its own `%` written `%25`, and its name stands in the part's `esc`. Any other
// value stands as it was sent, `%` included: paths read as they are.

/// What a value needs before it can stand in a JSON string.
@frozen
public enum RecordText: UInt8, Sendable, BitwiseCopyable {
    /// Printable ASCII without quotes and backslashes: it is copied.
    case plain
    /// Harmless, but has quotes, backslashes or other scripts.
    case quoted
    /// Something in it must not be shown to a terminal or a parser as it is.
    case hostile
}

extension Span where Element == UInt8 {
    /// Position of the first byte at or after `start` that can't simply be copied into a JSON
    /// string (control, DEL, quote, backslash, not ASCII), or `count`.
    @inlinable
    func firstSpecial(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var offset = start
        while offset &+ 8 <= count {
            let bytes = word(at: offset)
            let low = (bytes &- ones &* 0x20) & ~bytes
            let quote = bytes ^ (ones &* 0x22)
            let backslash = bytes ^ (ones &* 0x5C)
            let delete = bytes ^ (ones &* 0x7F)
            // A borrow can mark a byte above the first true one, never below it.
            let equal =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                | ((delete &- ones) & ~delete)
            let marks = (low | equal | bytes) & (ones &* 0x80)
            if marks != 0 { return offset &+ marks.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        while offset < count {
            let byte = self[offset]
            if byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { return offset }
            offset &+= 1
        }
        return count
    }

    /// What this value needs.
    @inlinable
    func recordText() -> RecordText {
        let first = firstSpecial(from: 0)
        return first == count ? .plain : recordText(from: first)
    }

    @usableFromInline
    func recordText(from first: Int) -> RecordText {
        var offset = first
        while offset < count {
            let length = harmlessLength(at: offset)
            guard length > 0 else { return .hostile }
            offset = firstSpecial(from: offset &+ length)
        }
        return .quoted
    }

    /// Bytes of the well-formed, harmless character at `offset`; 0 when it is neither.
    ///
    /// Well-formed is what Unicode's table 3-7 says: no overlong forms, surrogates, or more than
    /// U+10FFFF.
    func harmlessLength(at offset: Int) -> Int {
        let lead = self[offset]
        if lead < 0x80 { return lead < 0x20 || lead == 0x7F ? 0 : 1 }
        let length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0
        guard length > 0, offset &+ length <= count else { return 0 }
        var scalar = UInt32(lead) & (0x7F >> UInt32(length))
        for position in 1..<length {
            let byte = self[offset &+ position]
            guard byte & 0xC0 == 0x80 else { return 0 }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        let isWellFormed =
            switch length {
            case 2: true
            case 3: scalar >= 0x800 && !(0xD800...0xDFFF).contains(scalar)
            default: (0x10000...0x10FFFF).contains(scalar)
            }
        return isWellFormed && !Self.isHidden(scalar) ? length : 0
    }

    /// C1 controls, bidirectional controls, line and paragraph separator.
    private static func isHidden(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// The last position, `limit` at most, at which no UTF-8 sequence is cut in two.
    func sequenceBoundary(upTo limit: Int) -> Int {
        let end = Swift.min(limit, count)
        for back in 1...3 where back <= end {
            let byte = self[end &- back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            return length > back ? end &- back : end
        }
        return end
    }
}

extension ByteWriter {
    /// Appends `bytes` as the inside of a JSON string; `text` is what `recordText` said of them.
    @inlinable
    mutating func appendRecordText(_ bytes: Span<UInt8>, _ text: RecordText) {
        if text == .plain {
            append(bytes)
        } else {
            appendEscaped(bytes, isHostile: text == .hostile)
        }
    }

    @usableFromInline
    mutating func appendEscaped(_ bytes: Span<UInt8>, isHostile: Bool) {
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 || byte == 0x5C {
                append(0x5C)
                append(byte)
                offset &+= 1
                continue
            }
            let length = bytes.harmlessLength(at: offset)
            if length == 0 || (isHostile && byte == UInt8(ascii: "%")) {
                appendPercent(byte)
                offset &+= 1
            } else {
                append(bytes.extracting(offset..<(offset &+ length)))
                offset &+= length
            }
        }
    }

    private mutating func appendPercent(_ byte: UInt8) {
        let high = byte >> 4
        let low = byte & 15
        append(UInt8(ascii: "%"))
        append(high < 10 ? 0x30 &+ high : 0x37 &+ high)
        append(low < 10 ? 0x30 &+ low : 0x37 &+ low)
    }
}
