import Primitives

/// A JSON value in the form that the log uses (RFC 8785, without fractions and null).
///
/// For what is rare: heads of segments, lifecycle records. A request's record is written by
/// `PartsEncoder` without it.
public indirect enum CanonicalValue: Sendable, Equatable {
    case string(String)
    /// |n| < 2^53.
    case integer(Int64)
    case boolean(Bool)
    case array([CanonicalValue])
    case object([String: CanonicalValue])

    /// Largest integer that every JSON reader takes for what it is (RFC 8785 §3.2.2.3).
    public static let largestInteger: Int64 = 1 << 53 - 1

    /// This value's one canonical form.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        append(to: &output)
        return output
    }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .string(let text):
            output += [0x22] + CanonicalValue.escaped(text) + [0x22]
        case .integer(let number):
            let limit = CanonicalValue.largestInteger
            output += Array("\(min(max(number, -limit), limit))".utf8)
        case .boolean(let flag):
            output += Array((flag ? "true" : "false").utf8)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                value.append(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            // RFC 8785 §3.2.3 sorts by UTF-16 code units, as far as names are ASCII by bytes.
            let names = members.keys.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
            for (index, name) in names.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output += [0x22] + CanonicalValue.escaped(name) + [0x22, UInt8(ascii: ":")]
                members[name]?.append(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// A member of an object whose value is the string `text`, between ready punctuation.
    static func member(_ prefix: String, _ text: String, _ suffix: String = "\",") -> [UInt8] {
        Array(prefix.utf8) + escaped(text) + Array(suffix.utf8)
    }

    /// The inside of a JSON string that says `text`, made harmless as §2 says.
    static func escaped(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        // A byte becomes three at most.
        var buffer = ByteBuffer(capacity: bytes.count * 3 + 1)
        buffer.write { writer in
            writer.appendRecordText(bytes.span, bytes.span.recordText())
        }
        var output: [UInt8] = []
        output.reserveCapacity(buffer.count)
        let span = buffer.span
        for index in 0..<span.count { output.append(span[index]) }
        return output
    }
}
