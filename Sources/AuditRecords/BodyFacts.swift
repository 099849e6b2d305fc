import Primitives

/// What a record says of a body that was forwarded, at level `body_hash` and above.
///
/// As a `RecordField.requestBody` or `responseBody`: u64 length ‖ SHA-256[32] ‖ u8 (1: partial).
public struct BodyFacts: Sendable, BitwiseCopyable {
    /// Bytes of the field's value.
    public static let byteCount = 8 + Digest256.byteCount + 1
    /// Most bytes of a body's text in a record.
    public static let textLimit: ClosedRange<Int> = 256...16_384

    /// Bytes of the body, without its framing.
    public var length: UInt64
    /// Their SHA-256.
    public var digest: Digest256
    /// Whether its end never came.
    public var isPartial: Bool

    /// A body of that length and digest.
    public init(length: UInt64, digest: Digest256, isPartial: Bool) {
        self.length = length
        self.digest = digest
        self.isPartial = isPartial
    }
}

extension ByteWriter {
    /// Appends `body` as `field` of the record.
    public mutating func appendRecordField(_ field: RecordField, _ body: BodyFacts) {
        precondition(field == .requestBody || field == .responseBody)
        append(field.rawValue)
        append(0)
        appendBigEndian(UInt16(BodyFacts.byteCount))
        appendBigEndian(body.length)
        append(body.digest)
        append(body.isPartial ? 1 : 0)
    }
}

extension PartsEncoder {
    /// Appends what is said of a body, if the record has one.
    func appendBody(
        _ name: StaticString, _ field: RecordField, text: RecordField, _ fields: Span<UInt8>,
        _ writer: inout ByteWriter
    ) {
        guard has(field) else { return }
        let bytes = fields.extracting(slots[Int(field.rawValue)].range)
        guard bytes.count == BodyFacts.byteCount else {
            preconditionFailure("a body's facts of another length")
        }
        writer.append(name)
        writer.appendMember("\"len\":", bytes.bigEndian(at: 0, as: UInt64.self))
        let end = 8 + Digest256.byteCount
        if bytes[end] != 0 { writer.append("\"partial\":true,") }
        writer.append("\"sha256\":\"")
        for index in 8..<end { writer.appendHex(UInt64(bytes[index]), digits: 2) }
        writer.append("\",")
        appendText("\"text\":\"", text, fields, &writer)
        writer.closeObject("},")
    }
}
