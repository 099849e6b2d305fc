import ArgumentParser
import AuditSegments
import LinuxIO
import Primitives

/// What `show`, `tail` and `search` have in common.
struct LogOptions: ParsableArguments {
    @Argument(help: "The proxy's audit folder, or the folder of one log in it.")
    var directory: String

    @Option(name: .customLong("log"), help: "The log's id; without it, the newest.")
    var logID: String?
}

/// Writes records and remembers what was wrong with them.
struct RecordPrinter: ~Copyable {
    var console = Console()
    /// Opens sealed subjects.
    private var keyring: KeyringReader?
    let format: RecordFormat
    private(set) var count = 0
    private var hasUncommitted = false

    /// Prints in this format; without one, a table on a terminal and JSON lines elsewhere.
    init(_ format: RecordFormat?, keyring: consuming KeyringReader? = nil) {
        self.keyring = keyring
        self.format = format ?? (StandardStream.output.isTerminal ? .table : .json)
        if self.format == .csv { console.line(RecordRow.head) }
    }

    /// The record with its subject part opened, where its key is here.
    mutating func opened(_ found: LogRecord) -> LogRecord { keyring?.open(found) ?? found }

    mutating func print(_ found: LogRecord) {
        let record = opened(found)
        count += 1
        if !record.isCommitted {
            hasUncommitted = true
            Console.complain("record \(record.index) is not the one its entry commits to")
        }
        switch format {
        case .table:
            let colour = record.isCommitted ? RecordPrinter.colour(record.core) : .red
            console.line(RecordLine.row(record), colour)
        case .json: console.line(RecordLine.json(record))
        case .csv: console.line(RecordRow.csv(record))
        }
    }

    private static func colour(_ core: CanonicalObject) -> Console.Colour {
        switch core.string("outcome") ?? core.string("event") {
        case "allow": .plain
        case "error": .red
        case "deny", "throttle", "certificates_refused", "upstream_verification_disabled",
            "events_dropped":
            .yellow
        default: .grey
        }
    }

    /// Writes what is pending and says what came of it.
    mutating func finish(_ complaints: [String], needsOne: Bool = false) -> ExitCode {
        console.flush()
        var last = ""
        for complaint in complaints where complaint != last {
            last = complaint
            Console.complain(complaint)
        }
        if hasUncommitted { return .doesNotHold }
        if !complaints.isEmpty { return .couldNotTell }
        return needsOne && count == 0 ? .doesNotHold : .holds
    }
}

/// Prints records in the order of the log.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints the records: a table on a terminal, else JSON lines."
    )

    @OptionGroup var log: LogOptions
    @Flag var format: RecordFormat?
    @OptionGroup var identities: IdentityOptions
    @OptionGroup var keyring: KeyringOptions
    @Option(help: "Index of the first record.") var from: UInt64 = 0
    @Option(help: "Most records to print.") var limit: Int?

    func run() throws {
        try reporting {
            let folder = try LogFolder.one(in: log.directory, id: log.logID)
            AccessReport.note(
                "show", ["from=\(from)"] + (limit.map { ["limit=\($0)"] } ?? []), of: [folder])
            var stream = try RecordStream(folder, identities: identities.read())
            if from > 0 { try stream.seek(to: from) }
            var printer = RecordPrinter(format, keyring: try keyring.read())
            while printer.count < limit ?? .max, let record = try stream.next() {
                if record.index >= from { printer.print(record) }
            }
            return printer.finish(stream.complaints)
        }
    }
}

/// Finds records.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Finds records; exit code 1 when there is none.")

    @OptionGroup var log: LogOptions
    @OptionGroup var identities: IdentityOptions
    @OptionGroup var keyring: KeyringOptions
    @Option(help: "The request id, with or without dashes.") var requestID: String?
    @Option(help: "The token's subject.") var subject: String?
    @Option(help: "A status such as 403, or a class such as 4xx.") var status: String?
    @Option(help: "allow, deny, throttle or error.") var outcome: String?
    @Option(help: "The route's name.") var route: String?
    @Option(help: "The client's address, or a block such as 192.0.2.0/24.") var client: String?
    @Option(help: "The trace id.") var traceID: String?
    @Option(help: "A reason code, such as policy.role_missing.") var reason: String?
    @Option(help: "The method, such as POST.") var method: String?
    @Option(
        name: .customLong("client-cert"),
        help: "SHA-256 of the client's certificate, or text of its subject or names.")
    var clientCertificate: String?
    @Option(name: .customLong("ja4"), help: "A JA4 fingerprint, or its beginning.")
    var fingerprint: String?
    @Option(name: .customLong("sni"), help: "The server name that the client asked for.")
    var serverName: String?
    @Option(help: "2026-11-24T20:00:00Z, 2026-11-24, or 90s, 10m, 2h, 1d ago.") var since: String?
    @Option(help: "Like --since; the moment itself is left out.") var until: String?
    @Option(help: "Text anywhere in a record.") var text: String?
    @Option(help: "Most records to print.") var limit: Int?
    @Flag(help: "Says how many blocks were skipped, also where nobody looks.")
    var statistics = false
    @Option(
        name: .customLong("index"),
        help: """
            A folder of your own that remembers what is in which block, made where it is \
            missing: later searches open few blocks. It is as confidential as the records.
            """)
    var indexFolder: String?
    @Flag(help: "Opens every block, whatever --index says.")
    var noIndex = false
    @OptionGroup var progress: ProgressOptions
    @Flag var format: RecordFormat?

    func run() throws {
        progress.apply()
        try reporting {
            var filter = try filter(now: SystemClock.wall())
            let folder = try LogFolder.one(in: log.directory, id: log.logID)
            AccessReport.note("search", range, of: [folder])
            var rows = try keyring.read()
            if let subject { filter.person = try rows?.person(subject) }
            if let address = filter.client?.address {
                filter.clientPseudonyms = try rows?.pseudonyms(of: address) ?? [:]
            }
            filter.passesSealed = keyring.keyring != nil
            var printer = RecordPrinter(format, keyring: rows.take())
            let limit = limit ?? .max
            let opening = try identities.read()
            let index =
                noIndex
                ? nil
                : indexFolder.map {
                    SearchIndex(folder, in: $0, identities: opening)
                }
            let found = try filter.search(folder, identities: opening, index: index) { record in
                if printer.count < limit, filter.isMeant(printer.opened(record)) {
                    printer.print(record)
                }
                return printer.count < limit
            }
            if statistics || StandardStream.error.isTerminal {
                Console.complain("\(printer.count) records; \(found.count.text)")
            }
            return printer.finish(found.complaints, needsOne: true)
        }
    }

    /// What is sought by, and in which time; not what is sought, which may be a person.
    private var range: [String] {
        let options: [(String, Bool)] = [
            ("request-id", requestID != nil), ("subject", subject != nil),
            ("status", status != nil), ("outcome", outcome != nil), ("route", route != nil),
            ("client", client != nil), ("trace-id", traceID != nil), ("reason", reason != nil),
            ("method", method != nil), ("client-cert", clientCertificate != nil),
            ("ja4", fingerprint != nil), ("sni", serverName != nil), ("text", text != nil),
        ]
        let names = options.filter(\.1).map(\.0)
        return (names.isEmpty ? [] : ["by=\(names.sorted().joined(separator: ","))"])
            + (since.map { ["since=\($0)"] } ?? []) + (until.map { ["until=\($0)"] } ?? [])
    }

    func filter(now: WallTime) throws(ToolError) -> RecordFilter {
        var filter = RecordFilter()
        filter.requestID = requestID
        filter.subject = subject
        if let status { filter.status = try RecordFilter.status(status) }
        filter.outcome = outcome
        filter.route = route
        filter.traceID = traceID
        filter.reason = reason
        filter.method = method
        filter.client = client.map { ClientAddresses($0) }
        filter.clientCertificate = clientCertificate
        filter.fingerprint = fingerprint
        filter.serverName = serverName
        if let since { filter.since = try Timestamp.parse(since, now: now) }
        if let until { filter.until = try Timestamp.parse(until, now: now) }
        filter.text = text.map { Array($0.utf8) }
        return filter
    }
}

/// Prints the last records, and with `-f` those that come.
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Prints the last records, one JSON object a line.")

    @OptionGroup var log: LogOptions
    @OptionGroup var identities: IdentityOptions
    @Flag(name: [.customShort("f"), .long], help: "Goes on with records as they become durable.")
    var follow = false
    @Option(name: [.customShort("n"), .long], help: "How many records to begin with.")
    var lines: UInt64 = 10
    @Flag(help: "JSON lines; the default, said for scripts.") var json = false

    private static let pauseMilliseconds: Int32 = 100

    func run() throws {
        try reporting {
            let folder = try LogFolder.one(in: log.directory, id: log.logID)
            AccessReport.note(
                "tail", ["lines=\(lines)"] + (follow ? ["follow"] : []), of: [folder])
            var stream = try RecordStream(folder, identities: identities.read())
            let end = try folder.size()
            let first = end > lines ? end - lines : 0
            try stream.seek(to: first)
            var printer = RecordPrinter(.json)
            var pause = try makePause()
            while true {
                while let record = try stream.next() {
                    if record.index >= first { printer.print(record) }
                }
                guard follow else { return printer.finish(stream.complaints) }
                printer.console.flush()
                _ = try? pause.wait(milliseconds: TailCommand.pauseMilliseconds)
            }
        }
    }

    private func makePause() throws(ToolError) -> Poller {
        do {
            return try Poller(batch: 1)
        } catch {
            throw .evidence("\(error)")
        }
    }
}
