import LinuxIO
import Logging
import Primitives
import Synchronization
import Systemd

/// Where the program's own messages go: to the journal with levels and fields when systemd has
/// connected stderr to it, else to stderr as lines.
enum ProgramLog {
    /// The logger of the whole process.
    static func make(_ label: String) -> Logger {
        let stream = FileReading.environment("JOURNAL_STREAM")
        let isJournal = stream != nil && stream == StandardStream.error.identity
        let allowance = LogAllowance()
        return Logger(label: label) { label in
            LimitedLogHandler(
                isJournal
                    ? JournalLogHandler(identifier: label)
                    : StreamLogHandler.standardError(label: label),
                allowance)
        }
    }
}

/// Sends each message to the journal, with its level and its metadata as fields.
struct JournalLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    private let identifier: String
    private let send: @Sendable ([JournalField]) -> Bool

    init(
        identifier: String,
        send: @escaping @Sendable ([JournalField]) -> Bool = { Journal.send($0) }
    ) {
        self.identifier = identifier
        self.send = send
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = [
            JournalField("MESSAGE", "\(event.message)"),
            JournalField("PRIORITY", "\(JournalLogHandler.priority(event.level))"),
            JournalField("SYSLOG_IDENTIFIER", identifier),
            JournalField("CODE_FILE", event.file), JournalField("CODE_LINE", "\(event.line)"),
            JournalField("CODE_FUNC", event.function),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key })
        where fields.count < Journal.limitFields {
            fields.append(JournalField("SALLYPORT_\(key)", "\(value)"))
        }
        guard !send(fields) else { return }
        // journald is stopped or full: the stream that it gave us at the start may still be read.
        StandardStream.error.writeLine("\(event.level) \(identifier): \(event.message)")
    }

    /// syslog's number for a level.
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}

/// Lets through so many messages and no more: what goes wrong a thousand times a second must not
/// fill the disk that the audit log lies on.
struct LimitedLogHandler: LogHandler {
    private var inner: any LogHandler
    private let allowance: LogAllowance

    init(_ inner: any LogHandler, _ allowance: LogAllowance) {
        self.inner = inner
        self.allowance = allowance
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }

    var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        switch allowance.take(now: SystemClock.monotonic()) {
        case .full where event.level < .critical: return
        case .full, .room(leftOut: 0): inner.log(event: event)
        case .room(let leftOut):
            inner.log(event: event)
            inner.log(
                event: LogEvent(
                    level: .warning, message: "\(leftOut) messages were left out before this one",
                    metadata: nil, source: event.source, file: event.file,
                    function: event.function, line: event.line))
        }
    }
}

/// How many messages may be written: a hundred at once, then ten a second.
final class LogAllowance: Sendable {
    /// Whether there is room for a message.
    enum Answer: Equatable {
        case room(leftOut: UInt64)
        case full
    }

    private struct State {
        /// When all that was written will have been paid for.
        var paid = Instant.zero
        var leftOut: UInt64 = 0
    }

    private let state = Mutex(State())
    private static let costNanoseconds: UInt64 = 100_000_000
    static let burst: UInt64 = 100

    func take(now: Instant) -> Answer {
        state.withLock { state in
            let from = max(state.paid, now)
            let limit = now.advanced(
                nanoseconds: LogAllowance.costNanoseconds * (LogAllowance.burst - 1))
            guard from <= limit else {
                state.leftOut += 1
                return .full
            }
            state.paid = from.advanced(nanoseconds: LogAllowance.costNanoseconds)
            defer { state.leftOut = 0 }
            return .room(leftOut: state.leftOut)
        }
    }
}
