import Primitives

// What leaves is judged as strictly as what comes in: a writer that trusts its caller is how a
// line break in a value becomes a second message (SwiftNIO's GHSA-cq87-8r7h-962v).

extension ByteWriter {
    /// Appends `HTTP/1.1 SP status SP phrase CRLF`; `status` is 100 to 599.
    public mutating func appendStatusLine(_ status: UInt16) {
        precondition(status >= 100 && status < 600)
        append("HTTP/1.1 ")
        appendDecimal(magnitude: UInt64(status))
        append(.space)
        append(Status.phrase(status))
        append("\r\n")
    }

    /// Appends `name: value CRLF`.
    ///
    /// - Returns: False, with nothing written, when the value holds a control byte but HTAB.
    @discardableResult
    public mutating func appendField(_ name: StaticString, _ value: Span<UInt8>) -> Bool {
        guard value.isFieldValue else { return false }
        append(name)
        append(": ")
        append(value)
        append("\r\n")
        return true
    }

    /// Appends `name: value CRLF`.
    public mutating func appendField(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends `name: number CRLF`.
    public mutating func appendField(_ name: StaticString, _ number: Int64) {
        append(name)
        append(": ")
        appendDecimal(number)
        append("\r\n")
    }

    /// Appends `name: value CRLF`.
    ///
    /// - Returns: False, with nothing written, when the name is no token or the value holds a
    ///   control byte but HTAB.
    @discardableResult
    public mutating func appendField(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        guard name.isToken, value.isFieldValue else { return false }
        append(name)
        append(": ")
        append(value)
        append("\r\n")
        return true
    }
}

extension ByteWriter {
    /// Appends `data` as one chunk (RFC 9112 §7.1); no data is no chunk, for that would be the
    /// last one.
    public mutating func appendChunk(_ data: Span<UInt8>) {
        guard !data.isEmpty else { return }
        appendHex(UInt64(data.count), digits: ByteWriter.hexDigits(data.count))
        append("\r\n")
        append(data)
        append("\r\n")
    }

    /// Appends the last chunk and an empty trailer section.
    public mutating func appendLastChunk() {
        append("0\r\n\r\n")
    }

    private static func hexDigits(_ count: Int) -> Int {
        (Int.bitWidth - count.leadingZeroBitCount + 3) / 4
    }
}

extension Span where Element == UInt8 {
    /// One or more token characters (RFC 9110 §5.6.2).
    public var isToken: Bool {
        count > 0 && firstNonToken(from: 0) == count
    }

    /// No control byte but HTAB: what a field's value may hold (RFC 9110 §5.5).
    public var isFieldValue: Bool {
        var position = firstControl(from: 0)
        while position < count {
            guard self[position] == .tab else { return false }
            position = firstControl(from: position &+ 1)
        }
        return true
    }
}
