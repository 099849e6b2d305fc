import Primitives

/// What the Connection fields of a head say (RFC 9110 §7.6.1).
struct ConnectionOptions {
    private(set) var hasClose = false
    private(set) var hasKeepAlive = false

    /// Reads every option, and marks the fields that they name as ending at this hop.
    ///
    /// - Parameter isRequest: Whether naming a field of the whole way is refused. Such a request
    ///   asks the proxy to strip what it or the upstream relies on: Host, Authorization, the
    ///   X-Forwarded fields. A response that does so only loses the field.
    static func read(
        _ fields: inout FieldTable, in bytes: Span<UInt8>, limit: Int, isRequest: Bool
    ) throws(HTTPError) -> ConnectionOptions {
        var options = ConnectionOptions()
        guard let first = fields.first(.connection) else { return options }
        var remaining = limit
        for index in first..<fields.count where fields[index].known == .connection {
            let list = bytes.extracting(fields[index].value)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                guard remaining > 0 else { throw .connectionOptionsTooMany }
                remaining &-= 1
                try options.take(list.extracting(range), &fields, in: bytes, isRequest: isRequest)
            }
        }
        return options
    }

    private mutating func take(
        _ option: Span<UInt8>, _ fields: inout FieldTable, in bytes: Span<UInt8>, isRequest: Bool
    ) throws(HTTPError) {
        if option.equalsIgnoringCase("close") {
            hasClose = true
            return
        }
        if option.equalsIgnoringCase("keep-alive") {
            hasKeepAlive = true
            return
        }
        guard option.isToken else { throw .connectionOptionRefused }
        let known = FieldName(option)
        if isRequest {
            guard known == .other || known.isHopByHop || known == .trailer,
                !option.hasPrefixIgnoringCase("x-forwarded-")
            else { throw .connectionOptionRefused }
        }
        for index in 0..<fields.count where fields[index].known == known {
            guard known != .other || bytes.extracting(fields[index].name).equalsIgnoringCase(option)
            else { continue }
            fields.markHopByHop(index)
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether these bytes equal `other`, letter case ignored on both sides.
    func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for offset in 0..<count {
            if self[offset].asciiLowercased != other[offset].asciiLowercased { return false }
        }
        return true
    }

    /// Whether these bytes begin with the ASCII literal, letter case ignored; it is lower case.
    func hasPrefixIgnoringCase(_ literal: StaticString) -> Bool {
        count >= literal.utf8CodeUnitCount
            && extracting(first: literal.utf8CodeUnitCount).equalsIgnoringCase(literal)
    }
}
