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
    @OptionGroup var identities: IdentityOptions
    @Flag(help: "One JSON object, for machines.") var json = false

    func run() throws {
        try reporting {
            let keys = try TrustedKeys(vkey)
            let logs = try LogFolder.logs(in: directory).filter { logID == nil || $0.id == logID }
            if let logID, logs.isEmpty { throw ToolError.noSuchLog(id: logID) }
            let opening = try identities.read()
            let kept = try against.map { path in try KeptCheckpoint(path: path) }
            var verdicts = try logs.map { log in
                try Verdict.of(log, keys: keys, kept: kept, identities: opening)
            }
            if let kept, !verdicts.contains(where: { $0.report.origin == kept.origin }) {
                verdicts[verdicts.count - 1].problems.append(
                    "the checkpoint is of \(kept.origin), which is not here")
            }
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

/// A checkpoint that somebody kept outside the log.
struct KeptCheckpoint {
    let note: [UInt8]
    let origin: String
    let size: UInt64

    init(path: String) throws(ToolError) {
        do {
            let file = try ReadableFile(path: path)
            note = try file.read(at: 0, count: SignedNote.limitBytes)
            let checkpoint = try Checkpoint(text: try SignedNote(note).text)
            origin = checkpoint.origin
            size = checkpoint.size
        } catch {
            throw .unreadable(file: path, why: "not a checkpoint: \(error)")
        }
    }
}

/// What came of verifying one log.
struct Verdict {
    let folder: LogFolder
    let key: NoteKey
    let keyOrigin: TrustedKeys.Origin
    let report: VerificationReport
    /// Whether the log was being written, and so checked up to its published checkpoint only.
    let isLive: Bool
    /// What a kept checkpoint contradicts.
    var problems: [String] = []

    static func of(
        _ folder: LogFolder, keys: TrustedKeys, kept: KeptCheckpoint? = nil,
        identities: [AgeIdentity] = []
    ) throws(ToolError) -> Verdict {
        let (key, origin) = try keys.key(for: folder)
        let view = folder.isBeingWritten ? PublishedView(folder) : nil
        let inspect = inspector(identities)
        let report: VerificationReport
        do {
            if let view {
                report = try LogVerifier(
                    source: view, key: key, identities: identities, inspect: inspect
                )
                .verify { done, total in Console.progress(done, of: total) }
            } else {
                report = try LogVerifier(
                    source: folder, key: key, identities: identities, inspect: inspect
                )
                .verify { done, total in Console.progress(done, of: total) }
            }
        } catch {
            throw .evidence("\(folder.path): \(error)")
        }
        var verdict = Verdict(
            folder: folder, key: key, keyOrigin: origin, report: report, isLive: view != nil)
        if let kept, kept.origin == report.origin { verdict.compare(kept) }
        return verdict
    }

    /// Has all cores look into a segment's batches.
    private static func inspector(_ identities: [AgeIdentity]) -> BatchInspector {
        { segment, places in
            ParallelWork.map(places.count) { index, hasher in
                BatchInspection(
                    segment, places[index], identities: identities, hasher: &hasher)
            }
        }
    }

    /// Notes what `kept` says and the log does not hold.
    private mutating func compare(_ kept: KeptCheckpoint) {
        do {
            let checkpoint = try Checkpoint(note: kept.note, key: key)
            guard checkpoint.size <= report.size else {
                problems.append(
                    "the kept checkpoint covers \(checkpoint.size) records, the log has only "
                        + "\(report.size): records are missing")
                return
            }
            guard try folder.root(size: checkpoint.size) == checkpoint.root else {
                problems.append(
                    "the first \(checkpoint.size) records are not those of the kept checkpoint: "
                        + "history was rewritten")
                return
            }
        } catch {
            problems.append("the kept checkpoint does not hold: \(error)")
        }
    }

    /// Findings that every log has while it is written, or when its process was killed: what is
    /// signed stays proven, and the end is not signed yet.
    private var hasOnlyAnOpenEnd: Bool {
        report.findings.allSatisfy { finding in
            if finding.weight == .notice { return true }
            switch finding.problem {
            case .unsealed, .unstopped, .uncovered, .sequencePending:
                return finding.weight == .unfinished
            default: return false
            }
        }
    }

    var code: ExitCode {
        if !problems.isEmpty || report.heaviest == .broken { return .doesNotHold }
        return report.holds || hasOnlyAnOpenEnd ? .holds : .couldNotTell
    }

    var word: String {
        switch code {
        case .holds: report.holds ? "holds" : "holds as far as it is signed"
        case .doesNotHold: "does not hold"
        default: "could not tell"
        }
    }

    func explain(_ console: inout Console) {
        let colour: Console.Colour =
            code == .holds ? .green : code == .doesNotHold ? .red : .yellow
        console.line("\(report.origin): \(word)", colour)
        console.line(
            "  \(report.size) records in \(report.segments) "
                + "segment\(report.segments == 1 ? "" : "s"), \(report.frames) frames")
        if let first = report.firstTime, let last = report.lastTime {
            console.line("  from \(Timestamp.text(first)) to \(Timestamp.text(last))")
        }
        console.line("  \(proven)")
        if report.gapNumbers > 0 {
            console.line("  \(report.gapNumbers) records are admitted to be lost", .yellow)
        }
        for problem in problems { console.line("  WRONG  \(problem)", .red) }
        for finding in report.findings { explain(finding, &console) }
        if report.findingsOmitted > 0 {
            console.line("  and \(report.findingsOmitted) findings more")
        }
        if isLive {
            console.line(
                "  the log is being written: checked up to its published checkpoint", .grey)
        }
        if keyOrigin == .own {
            console.line("  the key is the log's own word, give yours with --vkey:", .grey)
            console.line("  \(key.text)", .grey)
        }
    }

    private var proven: String {
        guard report.checkpointSize > 0 || report.checkpoints > 0 else {
            return "no checkpoint holds: nothing is proven"
        }
        let until = report.checkpointTime.map { ", up to \(Timestamp.text($0))" } ?? ""
        return "\(report.checkpoints) checkpoints hold; the last covers "
            + "\(report.checkpointSize) records\(until)"
    }

    private func explain(_ finding: Finding, _ console: inout Console) {
        let (mark, colour): (String, Console.Colour) =
            switch finding.weight {
            case .notice: ("note  ", .grey)
            case .unfinished: ("open  ", .yellow)
            case .broken: ("WRONG ", .red)
            }
        let place = finding.offset.map { ", byte \($0)" } ?? ""
        console.line("  \(mark) \(finding.file)\(place): \(finding.problem)", colour)
        guard finding.weight == .broken else { return }
        let until = finding.provenUntil.map { " (the last of \(Timestamp.text($0)))" } ?? ""
        console.line("         before it, \(finding.provenSize) records are proven\(until)", .grey)
    }

    /// Requests that the log speaks of: a decision stands for one that is under way or ended later.
    private var requests: UInt64 {
        [RecordKind.combined, .decision].reduce(0) { $0 + report.kinds[Int($1.rawValue)] }
    }

    /// All verdicts as one JSON object.
    static func json(_ verdicts: [Verdict], _ promises: ReceiptReport? = nil) -> [UInt8] {
        let codes = verdicts.map(\.code) + (promises.map { [$0.exitCode] } ?? [])
        let worst = codes.max { $0.weight < $1.weight } ?? .couldNotTell
        var members: [String: CanonicalValue] = [
            "verdict": .string(worst.verdict), "logs": .array(verdicts.map(\.value)),
        ]
        if let promises, !promises.answers.isEmpty { members["receipts"] = promises.value }
        return CanonicalValue.object(members).bytes
    }

    private var value: CanonicalValue {
        var members: [String: CanonicalValue] = [
            "origin": .string(report.origin), "verdict": .string(code.verdict),
            "size": .count(report.size), "requests": .count(requests),
            "segments": .integer(Int64(report.segments)),
            "frames": .integer(Int64(report.frames)),
            "checkpoints": .integer(Int64(report.checkpoints)),
            "checkpoint_size": .count(report.checkpointSize),
            "gap_numbers": .count(report.gapNumbers),
            "unopened_batches": .integer(Int64(report.unopened)), "live": .boolean(isLive),
            "key": .string(keyOrigin == .given ? "given" : "own"), "vkey": .string(key.text),
            "problems": .array(problems.map { .string($0) }),
            "findings": .array(report.findings.map(Verdict.value)),
            "findings_omitted": .integer(Int64(report.findingsOmitted)),
        ]
        if let root = report.root { members["root"] = .string(root.hexText) }
        let times = [
            ("checkpoint_ts", report.checkpointTime), ("first_ts", report.firstTime),
            ("last_ts", report.lastTime),
        ]
        for case (let name, let time?) in times { members[name] = .integer(time.microseconds) }
        return .object(members)
    }

    private static func value(_ finding: Finding) -> CanonicalValue {
        var members: [String: CanonicalValue] = [
            "problem": .string(finding.problem.description), "file": .string(finding.file),
            "proven_size": .count(finding.provenSize),
            "weight": .string("\(finding.weight)"),
        ]
        if let offset = finding.offset { members["offset"] = .integer(Int64(offset)) }
        if let time = finding.provenUntil {
            members["proven_ts"] = .integer(time.microseconds)
        }
        return .object(members)
    }
}

extension ExitCode {
    /// The word for machines.
    fileprivate var verdict: String {
        self == .holds ? "holds" : self == .doesNotHold ? "does_not_hold" : "could_not_tell"
    }
}

extension LogFolder {
    /// The root over the first `size` entries, made from the segments.
    func root(size: UInt64) throws(ToolError) -> Digest256 {
        do {
            let library = try CryptoLibrary()
            var hasher = try TreeHasher(library)
            var tree = LogTree()
            for number in segments where tree.size < size {
                var reader = SegmentPieces(path: segmentPath(number))
                while tree.size < size, let piece = try reader.next(sealed: false) {
                    guard piece.header.type == .batch else { continue }
                    let header = try BatchHeader(clear: piece.clear.span)
                    for position in 0..<header.count where tree.size < size {
                        tree.append(
                            piece.clear.span.extracting(BatchHeader.entryRange(position)), &hasher)
                    }
                    tree.forget(upTo: tree.size)
                }
            }
            return tree.root(&hasher)
        } catch let error as ToolError {
            throw error
        } catch {
            throw .evidence("\(path): \(error)")
        }
    }
}
