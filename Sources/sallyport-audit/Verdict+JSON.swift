import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// Verdicts as machines read them.
extension Verdict {
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
            "size": .count(report.size), "start": .count(report.start),
            "pruned": .count(report.pruned), "resumed": .boolean(isResumed),
            "requests": .count(requests),
            "segments": .integer(Int64(report.segments)),
            "frames": .integer(Int64(report.frames)),
            "checkpoints": .integer(Int64(report.checkpoints)),
            "checkpoint_size": .count(report.checkpointSize),
            "gap_numbers": .count(report.gapNumbers), "epochs": .count(report.epochs),
            "gap_reasons": .object(report.gapReasons.mapValues { .count($0) }),
            "unopened_batches": .integer(Int64(report.unopened)), "live": .boolean(isLive),
            "key": .string(keyOrigin == .given ? "given" : "own"), "vkey": .string(key.text),
            "problems": .array(problems.map { .string($0) }),
            "findings": .array(report.findings.map(Verdict.value)),
            "findings_omitted": .integer(Int64(report.findingsOmitted)),
        ]
        if let from = report.epochsFrom { members["epochs_from"] = .count(from) }
        if let root = report.root { members["root"] = .string(root.hexText) }
        let times = [
            ("checkpoint_ts", report.checkpointTime), ("first_ts", report.firstTime),
            ("last_ts", report.lastTime),
        ]
        for case (let name, let time?) in times { members[name] = .integer(time.microseconds) }
        members["open"] = .array(open.map { .string($0) })
        members.merge(self.members) { own, _ in own }
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
