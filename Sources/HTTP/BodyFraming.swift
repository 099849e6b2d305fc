import Primitives

/// How a message's body is delimited (RFC 9112 §6.3).
public enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    /// There is no body.
    case none
    /// Content-Length bytes.
    case length(Int64)
    /// Chunks, to the last one and its trailer section.
    case chunked
    /// Everything until the connection closes; responses only.
    case untilClose
}

extension BodyFraming {
    /// What the fields say, whatever the start line says; nil when they say nothing.
    ///
    /// Stricter than RFC 9112 §6.3 where it leaves a choice: Transfer-Encoding beside
    /// Content-Length is refused in both directions, and so is a repeated Content-Length even
    /// when its values agree, and any Transfer-Encoding in HTTP/1.0.
    static func declared(
        by fields: borrowing FieldTable, in bytes: Span<UInt8>, version: HTTPVersion
    ) throws(HTTPError) -> BodyFraming? {
        if let index = fields.first(.transferEncoding) {
            guard version == .http11 else { throw .transferCodingInOldVersion }
            guard !fields.contains(.contentLength) else { throw .lengthWithTransferCoding }
            guard !fields.isRepeated(.transferEncoding) else { throw .transferCodingNotChunked }
            let value = bytes.extracting(fields[index].value)
            guard !value.equalsIgnoringCase("chunked") else { return .chunked }
            throw refusal(ofCodings: value)
        }
        guard let index = fields.first(.contentLength) else { return nil }
        guard !fields.isRepeated(.contentLength) else { throw .lengthDuplicate }
        guard let length = bytes.extracting(fields[index].value).decimalNumber() else {
            throw .lengthInvalid
        }
        return .length(length)
    }

    /// Why a Transfer-Encoding other than `chunked` is refused: 501 is for codings that a server
    /// could know, so only for lists that delimit the message.
    private static func refusal(ofCodings value: Span<UInt8>) -> HTTPError {
        var options = ListElements()
        var chunkedCount = 0
        var endsInChunked = false
        while let element = options.next(in: value) {
            endsInChunked = value.extracting(element).equalsIgnoringCase("chunked")
            if endsInChunked { chunkedCount += 1 }
        }
        return endsInChunked && chunkedCount == 1
            ? .transferCodingUnknown : .transferCodingNotChunked
    }
}
