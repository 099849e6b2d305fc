import Primitives

/// One message in journald's native form (systemd.io/JOURNAL_NATIVE_PROTOCOL).
///
/// ```
/// field = NAME "=" value LF                         a value without a line feed
///       | NAME LF u64 little-endian length value LF any value
/// ```
/// Names are of this program's making, and no value can begin another field.
public struct JournalEntry: Equatable, Sendable {
    /// How urgent a message is (syslog's numbers).
    public enum Priority: UInt8, Sendable {
        case warning = 4
        case notice = 5
        case info = 6
    }

    /// The datagram.
    public private(set) var bytes: [UInt8] = []

    /// A message of this kind (`MESSAGE_ID`, 32 hexadecimal digits).
    public init(_ message: String, identifier: String, priority: Priority) {
        add("MESSAGE", message)
        add("MESSAGE_ID", identifier)
        add("PRIORITY", "\(priority.rawValue)")
        add("SYSLOG_IDENTIFIER", "sallyport")
    }

    /// Adds a field.
    public mutating func add(_ name: StaticString, _ value: String) {
        add(name, Array(value.utf8))
    }

    /// Adds a field of these bytes.
    public mutating func add(_ name: StaticString, _ value: [UInt8]) {
        bytes += name.description.utf8
        if value.contains(.lineFeed) {
            bytes.append(.lineFeed)
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: UInt64(value.count) >> shift))
            }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(.lineFeed)
    }
}
