import Primitives

/// Why a line is no request.
public enum LocalRequestError: Error, Equatable, Sendable {
    /// It is longer than `LocalRequest.limitBytes`.
    case tooLong
    /// It is no JSON, or not as strict as it has to be.
    case notJSON(JSONError)
    /// It is no object whose members are all text.
    case notTexts
    /// It has no command, or none of this place.
    case commandUnknown
    /// A member is missing.
    case missing(String)
    /// It has a member that the command does not know.
    case unexpected(String)
    /// A member is empty, too long, or holds a control character.
    case malformed(String)
}

/// What somebody on the proxy's host asks of it: one line of JSON, an object of texts.
///
/// On the administrators' socket: `{"command":"erase","reason":"…","subject":"…"}`. On the socket
/// in the log's folder: `{"command":"access","range":"…","tool":"verify"}`.
public enum LocalRequest: Sendable, Equatable {
    /// How the proxy is.
    case status
    /// Erase the keys of a subject.
    case erase(subject: String, reason: String)
    /// Keep the records from `first` on, whatever the retention and erasures say.
    case hold(name: String, setBy: String, first: UInt64)
    /// No longer do so.
    case release(name: String)
    /// A tool is about to read the log.
    case access(tool: String, range: String)

    /// Which socket a request came by.
    public enum Place: Sendable, CaseIterable {
        case administration
        case log
    }

    /// Longest line.
    public static let limitBytes = 16 << 10
    /// Longest subject, in bytes.
    public static let limitSubjectBytes = 4096
    /// Longest reason and range, in bytes.
    public static let limitReasonBytes = 1024
    /// What a tool that reads may call what it does.
    public static let tools: Set<String> = [
        "bundle", "decrypt", "prove", "report", "search", "show", "tail", "verify",
    ]

    /// Reads the line, without its line feed, that came by `place`.
    public init(_ line: [UInt8], at place: Place) throws(LocalRequestError) {
        var members = try LocalRequest.members(line)
        guard let command = members.removeValue(forKey: "command") else { throw .commandUnknown }
        func take(_ name: String, limit: Int, empty: Bool = false) throws(LocalRequestError)
            -> String
        {
            guard let text = members.removeValue(forKey: name) else { throw .missing(name) }
            let isClean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            guard empty || !text.isEmpty, text.utf8.count <= limit, isClean else {
                throw .malformed(name)
            }
            return text
        }
        let reason = LocalRequest.limitReasonBytes
        switch (place, command) {
        case (.administration, "status"): self = .status
        case (.administration, "erase"):
            self = .erase(
                subject: try take("subject", limit: LocalRequest.limitSubjectBytes),
                reason: try take("reason", limit: reason))
        case (.administration, "hold"):
            guard let first = UInt64(try take("from", limit: 20)) else { throw .malformed("from") }
            self = .hold(
                name: try take("name", limit: reason), setBy: try take("by", limit: reason),
                first: first)
        case (.administration, "release"): self = .release(name: try take("name", limit: reason))
        case (.log, "access"):
            let tool = try take("tool", limit: 16)
            guard LocalRequest.tools.contains(tool) else { throw .malformed("tool") }
            self = .access(tool: tool, range: try take("range", limit: reason, empty: true))
        default: throw .commandUnknown
        }
        if let name = members.keys.min() { throw .unexpected(name) }
    }

    /// The line, without its line feed.
    public var line: [UInt8] {
        let texts: [String: String] =
            switch self {
            case .status: [:]
            case .erase(let subject, let reason): ["subject": subject, "reason": reason]
            case .hold(let name, let setBy, let first):
                ["by": setBy, "from": "\(first)", "name": name]
            case .release(let name): ["name": name]
            case .access(let tool, let range): ["tool": tool, "range": range]
            }
        var output = Array("{\"command\":\"\(word)\"".utf8)
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            output += Array(",\"\(name)\":\"".utf8) + LocalRequest.quoted(text) + [0x22]
        }
        return output + [0x7D]
    }

    /// The command's word.
    public var word: String {
        switch self {
        case .status: "status"
        case .erase: "erase"
        case .hold: "hold"
        case .release: "release"
        case .access: "access"
        }
    }

    /// Quotes and backslashes escaped; what else a text may not hold is refused by its reader.
    private static func quoted(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        for byte in text.utf8 {
            if byte == 0x22 || byte == 0x5C { output.append(0x5C) }
            output.append(byte)
        }
        return output
    }

    private static func members(_ line: [UInt8]) throws(LocalRequestError) -> [String: String] {
        guard line.count <= limitBytes else { throw .tooLong }
        let bytes = line.span
        var reader = JSONReader(bytes, limits: JSONLimits(depth: 2, members: 16))
        var members: [String: String] = [:]
        guard case .objectStart = try next(&reader) else { throw .notTexts }
        while true {
            switch try next(&reader) {
            case .name(let name):
                guard case .string(let value) = try next(&reader) else { throw .notTexts }
                members[text(name, bytes)] = text(value, bytes)
            case .objectEnd:
                guard case .end = try next(&reader) else { throw .notTexts }
                return members
            default: throw .notTexts
            }
        }
    }

    private static func next(_ reader: inout JSONReader) throws(LocalRequestError) -> JSONToken {
        do throws(JSONError) { return try reader.next() } catch { throw .notJSON(error) }
    }

    private static func text(_ text: JSONText, _ bytes: Span<UInt8>) -> String {
        var cursor = JSONTextCursor(text)
        var output: [UInt8] = []
        while let byte = cursor.next(in: bytes) { output.append(byte) }
        return String(decoding: output, as: UTF8.self)
    }
}

extension LocalRequestError: CustomStringConvertible {
    /// What is wrong, for people.
    public var description: String {
        switch self {
        case .tooLong: "the line is longer than \(LocalRequest.limitBytes) bytes"
        case .notJSON(let error): "the line is no JSON: \(error)"
        case .notTexts: "the line is no object whose members are all text"
        case .commandUnknown: "there is no such command here"
        case .missing(let name): "'\(name)' is missing"
        case .unexpected(let name): "'\(name.prefix(64))' is not a member of this command"
        case .malformed(let name):
            "'\(name)' is empty, too long, or holds what it may not"
        }
    }
}
