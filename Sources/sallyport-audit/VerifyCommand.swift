import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Proves logs, or says what is wrong, where, and since when.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that a log is complete and is what was signed.",
        discussion: """
            Checks every frame, record, checkpoint, tile and note, and that no worker's sequence \
            numbers have a gap that the log does not admit. A log that is being written is \
            checked as far as its published checkpoint.
            """)

    @Argument(help: "The proxy's audit folder (all its logs), or the folder of one log in it.")
    var directory: String
    @Option(name: .customLong("log"), help: "Only the log with this id.")
    var logID: String?
    @Option(
        help: "The log's verifier key, or a file with keys. Without it the log's own is used.")
    var vkey: String?
    @Option(help: "A checkpoint kept elsewhere: the log has to contain what it says.")
    var against: String?
    @Option(
        help: "A receipt (log.boot.worker.sequence): says whether the log keeps its promise.")
    var receipt: [String] = []
    @Option(help: "A file with receipts, one a line, alone or as header lines.")
    var receipts: [String] = []
    @Option(
        help: """
            Reads only the segments from the one on that holds this record or time \
            (2026-11-24T20:00:00Z, 2026-11-24, or 90s, 10m, 2h, 1d ago).
            """)
    var since: String?
    @Option(
        help: """
            A file that remembers what was verified: goes on from there, and remembers more. \
            Keep it where the log's writer can't change it.
            """)
    var state: String?
    @OptionGroup var outside: OutsideOptions
    @OptionGroup var progress: ProgressOptions
    @OptionGroup var identities: IdentityOptions
    @Flag(help: "One JSON object, for machines.") var json = false

    func validate() throws {
        if since != nil, state != nil {
            throw ValidationError("--since and --state exclude each other")
        }
        if since != nil, !receipt.isEmpty || !receipts.isEmpty {
            throw ValidationError("a receipt asks for the whole log: leave --since out")
        }
    }

    func run() throws {
        progress.apply()
        try reporting {
            let keys = try TrustedKeys(vkey)
            let logs = try LogFolder.logs(in: directory).filter { logID == nil || $0.id == logID }
            if let logID, logs.isEmpty { throw ToolError.noSuchLog(id: logID) }
            AccessReport.note("verify", since.map { ["since=\($0)"] } ?? [], of: logs)
            let opening = try identities.read()
            let kept = try against.map { path in try KeptCheckpoint(path: path) }
            let scope = try since.map { text throws(ToolError) in
                try RequestedScope(text, now: SystemClock.wall())
            }
            var memory = try state.map { path throws(ToolError) in try VerificationState(path) }
            var verdicts: [Verdict] = []
            for log in logs {
                verdicts.append(
                    try Verdict.of(
                        log, keys: keys, kept: kept, identities: opening,
                        scope: memory?.scope ?? scope ?? .whole
                    ) { prefix throws(ToolError) in try memory?.keep(prefix) })
            }
            try memory?.save()
            if let kept, !verdicts.contains(where: { $0.report.origin == kept.origin }) {
                verdicts[verdicts.count - 1].problems.append(
                    "the checkpoint is of \(kept.origin), which is not here")
            }
            try Verdict.compare(&verdicts, outside)
            let promises = try ReceiptReport(promised(), in: verdicts, identities: opening)
            var console = Console()
            if json {
                console.line(Verdict.json(verdicts, promises))
            } else {
                for verdict in verdicts { verdict.explain(&console) }
                promises.explain(&console)
            }
            console.flush()
            return VerifyCommand.worst(verdicts, promises)
        }
    }

    /// All receipts that were given, one way or the other.
    private func promised() throws(ToolError) -> [Receipt] {
        var found: [Receipt] = []
        for text in receipt {
            guard let parsed = Receipt(text) else { throw .receiptMalformed(text) }
            found.append(parsed)
        }
        for file in receipts { found += try Receipt.read(file) }
        return found
    }

    fileprivate static func worst(_ verdicts: [Verdict], _ promises: ReceiptReport) -> ExitCode {
        (verdicts.map(\.code) + [promises.exitCode]).max { $0.weight < $1.weight } ?? .couldNotTell
    }
}

extension ExitCode {
    /// One log that does not hold outweighs one that can't be told.
    var weight: Int {
        self == .holds ? 0 : self == .couldNotTell ? 1 : 2
    }
}
