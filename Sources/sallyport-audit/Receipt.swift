import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// What a response carried as `audit-receipt`: the promise that the log holds its record.
struct Receipt: Hashable, Sendable {
    let log: String
    let worker: WorkerBoot
    let sequence: UInt64

    init(log: String, worker: WorkerBoot, sequence: UInt64) {
        self.log = log
        self.worker = worker
        self.sequence = sequence
    }

    /// Parses `<log id>.<boot>.<worker>.<sequence>`.
    init?(_ text: some StringProtocol) {
        let pieces = text.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count == 4, pieces[0].utf8.count == 16, pieces[1].utf8.count == 16,
            UInt64(pieces[0], radix: 16) != nil, let boot = UInt64(pieces[1], radix: 16),
            let number = UInt64(pieces[2]), let sequence = UInt64(pieces[3]),
            sequence >= SequenceAccount.first
        else { return nil }
        log = pieces[0].lowercased()
        worker = WorkerBoot(boot: boot, worker: number)
        self.sequence = sequence
    }

    var text: String { "\(log).\(worker.boot.hexText).\(worker.worker).\(sequence)" }

    /// The receipts in a file: one a line, alone or as the field of a response
    /// (`audit-receipt: …`); empty lines and those that begin with `#` are passed over.
    static func read(_ path: String) throws(ToolError) -> [Receipt] {
        let bytes: [UInt8]
        do {
            bytes = try FileReading.read(path, limitBytes: limitBytes).bytes
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
        var receipts: [Receipt] = []
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let last = words.last, !line.hasPrefix("#") else { continue }
            guard let receipt = Receipt(last) else {
                throw .receiptMalformed(String(line.prefix(100)))
            }
            receipts.append(receipt)
        }
        return receipts
    }

    private static let limitBytes = 1 << 26
}

/// What a log says of one receipt.
struct ReceiptAnswer: Equatable, Sendable {
    enum State: String, Sendable {
        /// The record is there, under a checkpoint that holds.
        case recorded
        /// The record is there, and no checkpoint covers it yet.
        case unsigned = "not_yet_signed"
        /// A gap leaf says that it is lost.
        case lost
        /// It is not there, and its process may still write it, or ended without a word.
        case pending = "not_yet_recorded"
        /// It is not there, and may have been among those that were deleted when their time was
        /// over.
        case pruned = "perhaps_deleted"
        /// It is not there, and the log does not admit it.
        case missing
    }

    let receipt: Receipt
    var state = State.missing
    /// The record, or the gap leaf.
    var index: UInt64?
    var place: RecordPlace?
    /// The record's kind by its word, or the gap leaf's reason.
    var word = ""
    var time: WallTime?
    /// Index of the completion that came later than the decision.
    var completion: UInt64?

    /// What it means for the log: it does not hold, or could not be told.
    var code: ToolVerdict {
        switch state {
        case .recorded, .lost: .holds
        case .unsigned, .pending, .pruned: .open
        case .missing: .broken
        }
    }

    var sentence: String {
        let at = place.map { "index \(index ?? 0), frame \($0.frame)" } ?? ""
        let when = time.map { ", \(Timestamp.text($0))" } ?? ""
        let later = completion.map { "; completed by index \($0)" } ?? ""
        switch state {
        case .recorded: return "recorded: \(word) at \(at)\(when)\(later)"
        case .unsigned: return "not yet signed: \(word) at \(at)\(when)\(later)"
        case .lost: return "lost, and the log says so: gap leaf (\(word)) at \(at)"
        case .pending: return "not yet recorded: its process has not stopped in order"
        case .pruned:
            return "not there; it may be among the records that were deleted when their time was "
                + "over"
        case .missing: return "missing: neither recorded nor in a gap leaf"
        }
    }
}

/// The three outcomes of an examination.
enum ToolVerdict: Int, Comparable {
    case holds, open, broken

    static func < (left: ToolVerdict, right: ToolVerdict) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The receipts that `verify` was given, by what they came to.
struct ReceiptReport {
    private(set) var answers: [ReceiptAnswer] = []
    private(set) var complaints: [String] = []

    /// Looks in `verdicts`' logs for what `receipts` promise.
    init(
        _ receipts: [Receipt], in verdicts: [Verdict], identities: [AgeIdentity] = []
    ) throws {
        let groups = Dictionary(grouping: receipts, by: \.log)
        for (log, group) in groups.sorted(by: { $0.key < $1.key }) {
            guard let verdict = verdicts.first(where: { $0.folder.id == log }) else {
                answers += group.map { ReceiptAnswer(receipt: $0) }
                complaints.append("the log \(log) is not here")
                continue
            }
            // Only the records say which of them a receipt is for.
            guard verdict.report.unopened == 0 else { throw ToolError.identityMissing }
            let found = try ReceiptSearch.find(
                group, in: verdict.folder, signed: verdict.report.checkpointSize,
                identities: identities)
            answers += found.answers
            complaints += found.complaints
        }
    }

    var code: ToolVerdict {
        let unread: ToolVerdict = complaints.isEmpty ? .holds : .open
        return max(unread, answers.map(\.code).max() ?? .holds)
    }

    var exitCode: ExitCode {
        switch code {
        case .holds: .holds
        case .open: .couldNotTell
        case .broken: .doesNotHold
        }
    }

    func explain(_ console: inout Console) {
        for answer in answers {
            let colour: Console.Colour =
                switch answer.code {
                case .holds: answer.state == .lost ? .yellow : .green
                case .open: .yellow
                case .broken: .red
                }
            console.line("\(answer.receipt.text): \(answer.sentence)", colour)
        }
        for complaint in complaints { console.line("  open   \(complaint)", .yellow) }
    }

    var value: CanonicalValue {
        .array(
            answers.map { answer in
                var members: [String: CanonicalValue] = [
                    "receipt": .string(answer.receipt.text),
                    "state": .string(answer.state.rawValue),
                ]
                if let index = answer.index { members["index"] = .count(index) }
                if let place = answer.place {
                    members["frame"] = .count(place.frame)
                    members["segment"] = .string(LogLayout.segmentName(place.segment))
                }
                if !answer.word.isEmpty {
                    members[answer.state == .lost ? "reason" : "kind"] = .string(answer.word)
                }
                if let time = answer.time { members["ts"] = .integer(time.microseconds) }
                if let completion = answer.completion { members["completion"] = .count(completion) }
                return .object(members)
            })
    }
}
