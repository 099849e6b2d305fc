import AuditRecords
import LinuxIO
import Primitives

/// What the tool says, in colour where a person looks and plain where a program reads.
struct Console: ~Copyable {
    private var pending: [UInt8] = []
    private let isTerminal = StandardStream.output.isTerminal
    private static let flushBytes = 1 << 16

    enum Colour: String {
        case plain = "0"
        case bold = "1"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case grey = "90"
    }

    /// Appends a line that may hold what a log says.
    mutating func line(_ text: String, _ colour: Colour = .plain) {
        if isTerminal, colour != .plain { pending += Array("\u{1B}[\(colour.rawValue)m".utf8) }
        pending += Array(text.utf8)
        if isTerminal, colour != .plain { pending += Array("\u{1B}[0m".utf8) }
        endLine()
    }

    /// Appends the bytes of a line.
    mutating func line(_ bytes: [UInt8]) {
        pending += bytes
        endLine()
    }

    private mutating func endLine() {
        pending.append(.lineFeed)
        if pending.count >= Console.flushBytes { flush() }
    }

    /// Writes what is pending.
    mutating func flush() {
        StandardStream.output.write(pending.span)
        pending.removeAll(keepingCapacity: true)
    }

    /// Says `text` beside the output.
    static func complain(_ text: String) {
        StandardStream.error.write(Array("\(text)\n".utf8).span)
    }
}
