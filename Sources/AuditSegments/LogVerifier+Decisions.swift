import AuditRecords
import Primitives

/// Which decisions are waiting for their completions, and which completions for their decisions.
///
/// A worker's decision comes before its completion; only a number that is lost may be named by a
/// completion without being there.
struct DecisionAccount: Sendable {
    struct Completion: Sendable {
        let owner: WorkerBoot
        let link: UInt64
        let index: UInt64
    }

    /// Decisions without a completion yet.
    var open: [WorkerBoot: Set<UInt64>] = [:]
    /// Completions of decisions that were not open.
    var unpaired: [Completion] = []
    /// Numbers that gap leaves call lost.
    var lost: [WorkerBoot: SequenceAccount] = [:]
    /// Most completions that are kept for the end: a log with more is broken anyway.
    static let limitUnpaired = 1 << 16

    /// An account of nothing.
    init() {}

    /// What the account says, for a verification that goes on later.
    var value: CanonicalValue {
        let open = open.flatMap { owner, numbers in numbers.map { "\(owner.text).\($0)" } }
        let lost = lost.flatMap { owner, account in
            account.runs.map { "\(owner.text).\($0.lowerBound).\($0.upperBound)" }
        }
        let unpaired = unpaired.map { "\($0.owner.text).\($0.link).\($0.index)" }
        return .object([
            "lost": .array(lost.sorted().map { .string($0) }),
            "open": .array(open.sorted().map { .string($0) }),
            "unpaired": .array(unpaired.map { .string($0) }),
        ])
    }

    /// Reads what `value` wrote; nil when it is not that.
    init?(_ text: CanonicalObject?) {
        guard let open = text?.strings("open"), let lost = text?.strings("lost"),
            let unpaired = text?.strings("unpaired")
        else { return nil }
        for entry in open {
            guard let (owner, numbers) = DecisionAccount.numbers(entry, count: 1) else {
                return nil
            }
            self.open[owner, default: []].insert(numbers[0])
        }
        for entry in lost {
            guard let (owner, numbers) = DecisionAccount.numbers(entry, count: 2),
                numbers[0] <= numbers[1]
            else { return nil }
            _ = self.lost[owner, default: SequenceAccount()].insert(numbers[0]...numbers[1])
        }
        for entry in unpaired {
            guard let (owner, numbers) = DecisionAccount.numbers(entry, count: 2) else {
                return nil
            }
            self.unpaired.append(
                Completion(owner: owner, link: numbers[0], index: numbers[1]))
        }
    }

    private static func numbers(_ text: String, count: Int) -> (WorkerBoot, [UInt64])? {
        let pieces = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = pieces.dropFirst(2).compactMap { UInt64($0) }
        guard pieces.count == count + 2, numbers.count == count,
            let owner = WorkerBoot(pieces[0], pieces[1])
        else { return nil }
        return (owner, numbers)
    }
}

extension LogVerifier {
    /// Takes a decision, or finds the one that a completion belongs to.
    mutating func pair(
        _ record: BatchInspection.Record, _ owner: WorkerBoot, _ sequence: UInt64,
        _ index: UInt64, _ file: String, _ offset: Int
    ) {
        if record.kind == 1 {
            decisions.open[owner, default: []].insert(sequence)
        } else if record.kind == 2 {
            let link = record.link ?? 0
            if decisions.open[owner]?.remove(link) != nil { return }
            if link < sequence, hasRecord(owner, link) { return }
            guard link > 0, decisions.unpaired.count < DecisionAccount.limitUnpaired else {
                add(.completionUnpaired(index: index), file, at: offset)
                return
            }
            decisions.unpaired.append(
                DecisionAccount.Completion(owner: owner, link: link, index: index))
        }
    }

    /// Whether `link` is the number of a record before: what a completion said is put right by a
    /// later one, when the client did not get the bytes that were held back for it.
    private func hasRecord(_ owner: WorkerBoot, _ link: UInt64) -> Bool {
        let isLost = decisions.lost[owner]?.contains(link) ?? false
        return !isLost && accounts[owner]?.contains(link) ?? false
    }

    /// Names completions of no decision, and tells how many requests have no end.
    mutating func finishDecisions() {
        for one in decisions.unpaired {
            let isLost =
                decisions.lost[one.owner]?.contains(one.link) ?? false
                || openEnds[one.owner] ?? .max <= one.link
            // In a log that was not read from its beginning, the decision may be before.
            let isBefore = isView && !begunBoots.contains(one.owner.boot)
            if !isLost, !isBefore { add(.completionUnpaired(index: one.index), LogLayout.segments) }
        }
        for (owner, open) in decisions.open.sorted(by: {
            ($0.key.boot, $0.key.worker) < ($1.key.boot, $1.key.worker)
        }) where !open.isEmpty {
            // Of the process that runs, they are requests under way.
            if owner.boot == boot, !hasStopped { continue }
            add(
                .decisionsOpen(
                    boot: owner.boot, worker: owner.worker, count: UInt64(open.count)),
                LogLayout.segments, weight: .notice)
        }
    }
}
