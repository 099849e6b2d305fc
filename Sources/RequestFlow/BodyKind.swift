import HTTP
import Primitives

/// How a body is read for its record, by its `Content-Type` (RFC 9110 §8.3).
///
/// Only these can be searched for what must not be recorded; of all others a record has the hash.
public enum BodyKind: UInt8, Sendable, BitwiseCopyable {
    /// Not at all.
    case opaque = 0
    /// RFC 8259: `application/json` and whatever ends in `+json`.
    case json
    /// `application/x-www-form-urlencoded`.
    case form

    /// How the body behind these fields is read; encoded ones (RFC 9110 §8.4) are not.
    public init(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>) {
        self = .opaque
        guard let index = fields.first(.contentType), !fields.isRepeated(.contentType),
            !fields.contains(.contentEncoding)
        else { return }
        let value = bytes.extracting(fields[index].value)
        var end = value.firstIndex(of: UInt8(ascii: ";"), from: 0) ?? value.count
        while end > 0, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
        let type = value.extracting(0..<end)
        if type.equalsIgnoringCase("application/x-www-form-urlencoded") {
            self = .form
        } else if type.equalsIgnoringCase("application/json")
            || type.equalsIgnoringCase("text/json")
            || (type.count > 5
                && type.extracting((type.count - 5)..<type.count).equalsIgnoringCase("+json"))
        {
            self = .json
        }
    }
}
