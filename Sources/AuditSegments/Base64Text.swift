/// Standard base64 with padding (RFC 4648 §4), as signed notes use it: one text per value.
enum Base64Text {
    private static let alphabet = Array<UInt8>(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var offset = 0
        while offset < bytes.count {
            let have = min(3, bytes.count - offset)
            var group: UInt32 = 0
            for position in 0..<3 {
                group = group << 8 | (position < have ? UInt32(bytes[offset + position]) : 0)
            }
            for position in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * position) & 63)
                text.append(position <= have ? alphabet[digit] : 0x3D)
            }
            offset += 3
        }
        return text
    }

    /// The bytes, or nil: white space, missing padding and left-over bits are refused.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        for start in stride(from: 0, to: digits.count, by: 4) {
            let isLast = start + 4 == digits.count
            var padding = 0
            if isLast, digits[start + 3] == 0x3D { padding = digits[start + 2] == 0x3D ? 2 : 1 }
            var group: UInt32 = 0
            for position in 0..<4 {
                let digit = position < 4 - padding ? value(digits[start + position]) : 0
                guard let digit else { return nil }
                group = group << 6 | digit
            }
            guard padding == 0 || group & (padding == 2 ? 0xFFFF : 0xFF) == 0 else { return nil }
            for position in 0..<(3 - padding) {
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * position)))
            }
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5A: UInt32(digit) - 0x41
        case 0x61...0x7A: UInt32(digit) - 0x61 + 26
        case 0x30...0x39: UInt32(digit) - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
