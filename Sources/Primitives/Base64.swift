/// Base64 with the URL-safe alphabet and without padding (RFC 4648 §5, RFC 7515 §2), strictly.
///
/// Exactly one text stands for given bytes: padding, white space, a length of 4n + 1 and bits
/// left over that are not zero are refused (RFC 4648 §3.5), so that two different tokens can
/// never mean the same.
public enum Base64URL {
    /// Appends the bytes that `text` stands for; false when it is not strict base64url.
    ///
    /// After false, some bytes may have been appended.
    public static func decode(_ text: Span<UInt8>, into writer: inout ByteWriter) -> Bool {
        Base64Alphabet.decode(text, isURLSafe: true, into: &writer)
    }

    /// The bytes that `text` stands for, or nil. Not for the request path.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        var buffer = ByteBuffer(capacity: max(text.count, 1))
        let isValid = buffer.write { decode(text, into: &$0) }
        guard isValid else { return nil }
        let span = buffer.span
        // Safe: the bytes are copied while they are borrowed.
        return [UInt8](unsafe span.withUnsafeBufferPointer { unsafe [UInt8]($0) })
    }

    /// Appends the text that stands for `bytes`.
    public static func encode(_ bytes: Span<UInt8>, into writer: inout ByteWriter) {
        Base64Alphabet.encode(bytes, isURLSafe: true, into: &writer)
    }

    /// The text that stands for `bytes`. Not for the request path.
    public static func encode(_ bytes: Span<UInt8>) -> String {
        var buffer = ByteBuffer(capacity: (bytes.count + 2) / 3 * 4 + 1)
        buffer.write { encode(bytes, into: &$0) }
        return buffer.span.text()
    }
}

/// Base64 with the standard alphabet and padding (RFC 4648 §4), as strictly as `Base64URL`.
public enum Base64 {
    /// Appends the bytes that `text` stands for; false when it is not strict, padded base64.
    ///
    /// After false, some bytes may have been appended.
    public static func decode(_ text: Span<UInt8>, into writer: inout ByteWriter) -> Bool {
        guard text.count % 4 == 0 else { return false }
        var count = text.count
        let padding = UInt8(ascii: "=")
        if count > 0, text[count - 1] == padding { count -= 1 }
        if count > 0, count < text.count, text[count - 1] == padding { count -= 1 }
        return Base64Alphabet.decode(
            text.extracting(first: count), isURLSafe: false, into: &writer)
    }

    /// The bytes that `text` stands for, or nil. Not for the request path.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        var buffer = ByteBuffer(capacity: max(text.count, 1))
        let isValid = buffer.write { decode(text, into: &$0) }
        guard isValid else { return nil }
        let span = buffer.span
        // Safe: the bytes are copied while they are borrowed.
        return [UInt8](unsafe span.withUnsafeBufferPointer { unsafe [UInt8]($0) })
    }

    /// Appends the text that stands for `bytes`, padded.
    public static func encode(_ bytes: Span<UInt8>, into writer: inout ByteWriter) {
        Base64Alphabet.encode(bytes, isURLSafe: false, into: &writer)
        for _ in 0..<(3 - bytes.count % 3) % 3 { writer.append(UInt8(ascii: "=")) }
    }

    /// The text that stands for `bytes`, padded. Not for the request path.
    public static func encode(_ bytes: Span<UInt8>) -> String {
        var buffer = ByteBuffer(capacity: (bytes.count + 2) / 3 * 4 + 1)
        buffer.write { encode(bytes, into: &$0) }
        return buffer.span.text()
    }
}

private enum Base64Alphabet {
    /// Any character that stands for nothing has one of the two high bits of this.
    static let invalid: UInt8 = 0xFF

    static func value(_ character: UInt8, isURLSafe: Bool) -> UInt8 {
        switch character {
        case 0x41...0x5A: character &- 0x41
        case 0x61...0x7A: character &- 0x61 &+ 26
        case 0x30...0x39: character &- 0x30 &+ 52
        case UInt8(ascii: "-") where isURLSafe, UInt8(ascii: "+") where !isURLSafe: 62
        case UInt8(ascii: "_") where isURLSafe, UInt8(ascii: "/") where !isURLSafe: 63
        default: invalid
        }
    }

    static func character(_ value: UInt8, isURLSafe: Bool) -> UInt8 {
        switch value {
        case 0..<26: value &+ 0x41
        case 26..<52: value &- 26 &+ 0x61
        case 52..<62: value &- 52 &+ 0x30
        case 62: isURLSafe ? UInt8(ascii: "-") : UInt8(ascii: "+")
        default: isURLSafe ? UInt8(ascii: "_") : UInt8(ascii: "/")
        }
    }

    static func decode(
        _ text: Span<UInt8>, isURLSafe: Bool, into writer: inout ByteWriter
    ) -> Bool {
        var offset = 0
        while offset &+ 4 <= text.count {
            let first = value(text[offset], isURLSafe: isURLSafe)
            let second = value(text[offset &+ 1], isURLSafe: isURLSafe)
            let third = value(text[offset &+ 2], isURLSafe: isURLSafe)
            let fourth = value(text[offset &+ 3], isURLSafe: isURLSafe)
            guard (first | second | third | fourth) < 64 else { return false }
            writer.append(first << 2 | second >> 4)
            writer.append(second << 4 | third >> 2)
            writer.append(third << 6 | fourth)
            offset &+= 4
        }
        let rest = text.count &- offset
        guard rest > 0 else { return !writer.overflowed }
        guard rest > 1 else { return false }
        let first = value(text[offset], isURLSafe: isURLSafe)
        let second = value(text[offset &+ 1], isURLSafe: isURLSafe)
        let third = rest == 3 ? value(text[offset &+ 2], isURLSafe: isURLSafe) : 0
        guard (first | second | third) < 64 else { return false }
        // The bits that no byte takes must be zero.
        guard rest == 3 ? third & 0b11 == 0 : second & 0b1111 == 0 else { return false }
        writer.append(first << 2 | second >> 4)
        if rest == 3 { writer.append(second << 4 | third >> 2) }
        return !writer.overflowed
    }

    static func encode(_ bytes: Span<UInt8>, isURLSafe: Bool, into writer: inout ByteWriter) {
        var offset = 0
        while offset < bytes.count {
            let left = bytes.count &- offset
            let first = bytes[offset]
            let second = left > 1 ? bytes[offset &+ 1] : 0
            let third = left > 2 ? bytes[offset &+ 2] : 0
            writer.append(character(first >> 2, isURLSafe: isURLSafe))
            writer.append(character(first << 4 & 0x3F | second >> 4, isURLSafe: isURLSafe))
            if left > 1 {
                writer.append(character(second << 2 & 0x3F | third >> 6, isURLSafe: isURLSafe))
            }
            if left > 2 { writer.append(character(third & 0x3F, isURLSafe: isURLSafe)) }
            offset &+= 3
        }
    }
}
