import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

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
    /// Whether an earlier verification's state was taken over.
    var isResumed = false
    /// What a kept checkpoint contradicts.
    var problems: [String] = []
    /// What could not be told of what others keep, what fits, and the same for machines.
    var open: [String] = []
    var notes: [String] = []
    var members: [String: CanonicalValue] = [:]

    static func of(
        _ folder: LogFolder, keys: TrustedKeys, kept: KeptCheckpoint? = nil,
        identities: [AgeIdentity] = [], scope: RequestedScope = .whole,
        keep: (VerifiedPrefix) throws(ToolError) -> Void = { _ throws(ToolError) in }
    ) throws(ToolError) -> Verdict {
        let (key, origin) = try keys.key(for: folder)
        let view = folder.isBeingWritten ? PublishedView(folder) : nil
        let scope = try scope.of(folder, key: key)
        var failure: ToolError?
        func verify(_ source: some LogSource) throws(EvidenceError) -> VerificationReport {
            try LogVerifier(
                source: source, key: key, identities: identities, inspect: inspector(identities)
            )
            .verify(scope) { prefix in
                do throws(ToolError) {
                    try keep(prefix)
                } catch {
                    failure = error
                }
            } progress: { done, total in
                Progress.show(done, of: total)
            }
        }
        let report: VerificationReport
        do throws(EvidenceError) {
            if let view { report = try verify(view) } else { report = try verify(folder) }
        } catch {
            throw .evidence("\(folder.path): \(error)")
        }
        if let failure { throw failure }
        var verdict = Verdict(
            folder: folder, key: key, keyOrigin: origin, report: report, isLive: view != nil)
        if case .resumed = scope { verdict.isResumed = true }
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
            let size = report.checkpointSize
            guard checkpoint.size <= size, let root = report.checkpointRoot else {
                problems.append(
                    "the kept checkpoint covers \(checkpoint.size) records, the log's last one only "
                        + "\(size): records are missing")
                return
            }
            guard checkpoint.size > 0 else { return }
            let library = try CryptoLibrary()
            var hasher = try TreeHasher(library)
            let proof = try TreeProof.consistency(
                first: checkpoint.size, second: size, tiles: folder.tile, hasher: &hasher)
            try TreeProof.verifyConsistency(
                first: checkpoint.size, firstRoot: checkpoint.root, second: size, secondRoot: root,
                proof: proof, hasher: &hasher)
        } catch EvidenceError.proofFails {
            problems.append(
                "the records of the kept checkpoint are not the beginning of this log: history was "
                    + "rewritten")
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
        guard open.isEmpty else { return .couldNotTell }
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
        if report.start > report.pruned {
            console.line(
                isResumed
                    ? "  the first \(report.start) were verified before, and not read again"
                    : "  the first \(report.start) were not read: only the rest is verified", .grey)
        }
        if let first = report.firstTime, let last = report.lastTime {
            console.line("  from \(Timestamp.text(first)) to \(Timestamp.text(last))")
        }
        console.line("  \(proven)")
        if let from = report.epochsFrom {
            let keys = report.epochs == 1 ? "key" : "keys"
            console.line("  \(report.epochs) epoch \(keys), from record \(from) on")
        }
        if report.gapNumbers > 0 {
            let reasons = report.gapReasons.sorted { $0.key < $1.key }.map { reason, count in
                reason.isEmpty ? "\(count) without a word" : "\(count) \(reason)"
            }
            console.line(
                "  \(report.gapNumbers) records are admitted to be lost: "
                    + reasons.joined(separator: ", "), .yellow)
        }
        for problem in problems { console.line("  WRONG  \(problem)", .red) }
        for text in open { console.line("  open   \(text)", .yellow) }
        for text in notes { console.line("  \(text)") }
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
}
