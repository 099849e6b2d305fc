import Primitives

/// `uri-host [":" port]` (RFC 9110 §4.2.1, RFC 3986 §3.2).
public enum Authority {
    /// Longest host name (RFC 1035 §2.3.4).
    static let hostLimitBytes = 255

    /// Whether `text` names a host, and a port or none.
    ///
    /// Stricter than RFC 3986: no user information, no percent-encoding or sub-delimiters in a
    /// name, no empty label but the root's, no zone or future-version address, and no port that
    /// is empty, 0 or past 65535.
    public static func isValid(_ text: Span<UInt8>) -> Bool {
        guard !text.isEmpty else { return false }
        let end = text[0] == 0x5B ? endOfAddress(text) : endOfName(text)
        guard let end else { return false }
        return end == text.count || isPort(text, from: end)
    }

    /// How many bytes of a valid authority are its host; brackets around an address belong to it.
    public static func hostCount(_ text: Span<UInt8>) -> Int {
        var end = text.count
        while end > 0, text[end &- 1].isASCIIDigit { end &-= 1 }
        return end > 0 && text[end &- 1] == .colon ? end &- 1 : text.count
    }

    private static func endOfName(_ text: Span<UInt8>) -> Int? {
        let table = CharacterClass()
        var position = 0
        var previous = UInt8.dot
        while position < text.count, table.contains(text[position], CharacterClass.host) {
            let byte = text[position]
            guard byte != .dot || previous != .dot else { return nil }
            previous = byte
            position &+= 1
        }
        return position > 0 && position <= hostLimitBytes ? position : nil
    }

    /// Past the bracket that closes an IPv6 address; only its characters are judged, and that
    /// it has two colons and no more than an address can have (RFC 3986 §3.2.2).
    private static func endOfAddress(_ text: Span<UInt8>) -> Int? {
        var position = 1
        var colons = 0
        while position < text.count, position < 46 {
            let byte = text[position]
            if byte == 0x5D { return colons >= 2 && colons <= 8 ? position &+ 1 : nil }
            guard byte == .colon || byte == .dot || byte.hexValue != nil else { return nil }
            if byte == .colon { colons &+= 1 }
            position &+= 1
        }
        return nil
    }

    private static func isPort(_ text: Span<UInt8>, from start: Int) -> Bool {
        guard text[start] == .colon else { return false }
        let digits = text.extracting((start &+ 1)..<text.count)
        guard digits.count <= 5, let port = digits.decimalNumber() else { return false }
        return port > 0 && port <= 65535
    }
}
