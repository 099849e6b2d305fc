import LinuxIO
import Primitives

/// The checkpoints in what `journalctl --output=json` printed: one message a line.
struct JournalExport {
    /// A note that a message holds, and where it stands.
    struct Message: Equatable {
        var line: Int
        var note: [UInt8]
    }

    /// `MESSAGE_ID` of a signed checkpoint.
    static let identifier: StaticString = "7078cd0c4d32458981e881110a50f2a2"
    private static let pieceBytes = 1 << 20
    /// Longest line that is read; longer messages are none of ours.
    static let limitBytes = 1 << 20

    /// Hands every checkpoint of the file at `path` to `body`.
    static func read(
        _ path: String, _ body: (Message) throws(ToolError) -> Void
    ) throws(ToolError) {
        var rest: [UInt8] = []
        var offset: UInt64 = 0
        var line = 0
        do {
            let file = try ReadableFile(path: path)
            while true {
                let piece = try file.read(at: offset, count: pieceBytes)
                offset += UInt64(piece.count)
                rest += piece
                var start = 0
                while let end = rest[start...].firstIndex(of: .lineFeed) {
                    line += 1
                    if let note = try message(Array(rest[start..<end]), path, line) {
                        try body(Message(line: line, note: note))
                    }
                    start = end + 1
                }
                rest.removeFirst(start)
                if piece.isEmpty || rest.count > limitBytes { break }
            }
        } catch let error as ToolError {
            throw error
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
        guard rest.isEmpty else {
            throw .unreadable(file: path, why: "line \(line + 1) does not end")
        }
    }

    /// The note in the message `text`; nil for a message about something else.
    private static func message(
        _ text: [UInt8], _ path: String, _ line: Int
    ) throws(ToolError) -> [UInt8]? {
        do {
            return try note(in: text.span)
        } catch {
            throw .unreadable(
                file: path, why: "line \(line) is not a message of journalctl --output=json")
        }
    }

    private static func note(in bytes: Span<UInt8>) throws(JSONError) -> [UInt8]? {
        var reader = JSONReader(bytes)
        guard try reader.next() == .objectStart else { throw .unexpectedByte(at: 0) }
        var isCheckpoint = false
        var note: [UInt8]?
        while case .name(let name) = try reader.next() {
            if bytes.jsonText(name, equals: "MESSAGE_ID") {
                let value = try reader.skipValue()
                isCheckpoint = text(value, bytes) == Array(identifier.description.utf8)
            } else if bytes.jsonText(name, equals: "SALLYPORT_NOTE") {
                let value = try reader.skipValue()
                if let found = text(value, bytes) {
                    note = found
                } else {
                    note = try binary(bytes.extracting(value))
                }
            } else {
                _ = try reader.skipValue()
            }
        }
        guard try reader.next() == .end else { throw .trailingBytes(at: reader.position) }
        return isCheckpoint ? note ?? [] : nil
    }

    /// The bytes of the string at `range`; nil when it is none.
    private static func text(_ range: ByteRange, _ bytes: Span<UInt8>) -> [UInt8]? {
        let value = bytes.extracting(range)
        var reader = JSONReader(value)
        guard case .string(let text)? = try? reader.next() else { return nil }
        return value.jsonBytes(text)
    }

    /// The bytes that stand as numbers, as journalctl prints what it takes for binary.
    private static func binary(_ value: Span<UInt8>) throws(JSONError) -> [UInt8]? {
        var reader = JSONReader(value)
        guard try reader.next() == .arrayStart else { return nil }
        var found: [UInt8] = []
        while case .number(let range) = try reader.next() {
            guard let millionths = value.jsonMillionths(range), millionths % 1_000_000 == 0,
                let byte = UInt8(exactly: millionths / 1_000_000)
            else { return nil }
            found.append(byte)
        }
        return found
    }
}
