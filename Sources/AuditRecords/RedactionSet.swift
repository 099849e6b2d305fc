import Primitives

/// Which rules took something out of which members of a record.
///
/// As a `RecordField.redactions`: 10 × u32 big-endian, one word of rules per `RedactedField`.
public struct RedactionSet: Sendable, BitwiseCopyable {
    /// Bytes of the field's value.
    public static let byteCount = 40

    private var words = InlineArray<10, UInt32>(repeating: 0)

    /// No rule.
    public init() {
        precondition(RedactedField.allCases.count * 4 == RedactionSet.byteCount)
    }

    /// Whether no rule took anything out.
    public var isEmpty: Bool {
        for index in words.indices where words[index] != 0 { return false }
        return true
    }

    /// Notes that rule number `rule`, below 32, took something out of `field`.
    public mutating func insert(_ field: RedactedField, rule: UInt8) {
        precondition(rule < 32)
        words[Int(field.rawValue)] |= 1 << UInt32(rule)
    }

    /// Numbers of the rules that took something out of `field`, a bit for each.
    func rules(of field: RedactedField) -> UInt32 { words[Int(field.rawValue)] }

    /// Adds what a field's `bytes` say.
    mutating func formUnion(_ bytes: Span<UInt8>) {
        precondition(bytes.count == RedactionSet.byteCount)
        for index in words.indices {
            words[index] |= bytes.bigEndian(at: index * 4, as: UInt32.self)
        }
    }
}

/// How many values a record leaves out because it has no room for so many.
///
/// As a `RecordField.omitted`: 3 × u16 big-endian.
public struct OmittedCounts: Sendable, BitwiseCopyable {
    /// Bytes of the field's value.
    public static let byteCount = 6

    /// Lines of chosen request fields.
    public var requestHeaders: UInt16 = 0
    /// Lines of chosen response fields.
    public var responseHeaders: UInt16 = 0
    /// Alternative names of the client's certificate.
    public var certificateNames: UInt16 = 0

    /// Nothing was left out.
    public init() {}

    /// Whether nothing was left out.
    public var isEmpty: Bool {
        requestHeaders == 0 && responseHeaders == 0 && certificateNames == 0
    }

    /// Adds what a field's `bytes` say.
    mutating func add(_ bytes: Span<UInt8>) {
        precondition(bytes.count == OmittedCounts.byteCount)
        requestHeaders &+= bytes.bigEndian(at: 0, as: UInt16.self)
        responseHeaders &+= bytes.bigEndian(at: 2, as: UInt16.self)
        certificateNames &+= bytes.bigEndian(at: 4, as: UInt16.self)
    }
}

extension ByteWriter {
    /// Appends `redactions` as a field of the record, unless there are none.
    public mutating func appendRecordField(_ redactions: RedactionSet) {
        guard !redactions.isEmpty else { return }
        append(RecordField.redactions.rawValue)
        append(0)
        appendBigEndian(UInt16(RedactionSet.byteCount))
        for field in RedactedField.allCases { appendBigEndian(redactions.rules(of: field)) }
    }

    /// Appends `omitted` as a field of the record, unless nothing was.
    public mutating func appendRecordField(_ omitted: OmittedCounts) {
        guard !omitted.isEmpty else { return }
        append(RecordField.omitted.rawValue)
        append(0)
        appendBigEndian(UInt16(OmittedCounts.byteCount))
        appendBigEndian(omitted.requestHeaders)
        appendBigEndian(omitted.responseHeaders)
        appendBigEndian(omitted.certificateNames)
    }
}

extension RedactedField {
    /// The member's name, as `redactions` says it.
    var member: StaticString {
        switch self {
        case .clientID: "{\"field\":\"client_id\","
        case .headers: "{\"field\":\"headers\","
        case .tokenID: "{\"field\":\"jti\","
        case .path: "{\"field\":\"path\","
        case .query: "{\"field\":\"query\","
        case .requestBody: "{\"field\":\"request_body\","
        case .responseBody: "{\"field\":\"response_body\","
        case .responseHeaders: "{\"field\":\"response_headers\","
        case .subject: "{\"field\":\"sub\","
        case .userAgent: "{\"field\":\"user_agent\","
        }
    }
}
