import AuditRecords
import AuditSegments
import Primitives

/// A segment that is not written to any more, as far as its deletion has to know it.
struct StoredSegment: Equatable, Sendable {
    /// Number of its first frame.
    var number: UInt64
    /// Index of the first record that it or a later one holds.
    var firstIndex: UInt64
    /// Latest time of its records.
    var lastTime: WallTime
    var byteCount: UInt64
}

/// Which segments the log has, and which of them go (format §8).
///
/// A deletion is: the leaf with the minimum index → a checkpoint over it → the files, one a turn.
/// What a crash leaves of them the next start deletes, for the leaf allows it.
struct RetentionPlan: Sendable {
    /// Segments before the one that is written to, in order.
    private(set) var stored: [StoredSegment] = []
    /// The segment that is written to.
    private(set) var open: StoredSegment?
    /// Segments that a signed leaf says are deleted, and where the records behind them begin.
    private(set) var condemned: [(number: UInt64, end: UInt64)] = []
    /// What the last leaf says is to be deleted, and the size of the tree with that leaf.
    var announced: (facts: PruneFacts, size: UInt64)?
    /// Whether something has happened since the rules were last looked at.
    var isDue = true
    /// When a file that could not be deleted is tried again.
    var retryAt = Instant.zero

    /// A plan for a log that has these segments.
    ///
    /// - Parameters:
    ///   - end: Index of the first record behind them.
    ///   - minimum: What a signed leaf says is the first record that remains.
    init(stored: [StoredSegment] = [], end: UInt64 = 0, minimum: UInt64 = 0) {
        self.stored = stored
        condemn(before: minimum, end: end)
    }

    /// The log goes on in another segment.
    mutating func begin(number: UInt64, firstIndex: UInt64) {
        if let open { stored.append(open) }
        open = StoredSegment(
            number: number, firstIndex: firstIndex, lastTime: WallTime(microseconds: .min),
            byteCount: 0)
        isDue = true
    }

    /// How long the open segment is.
    mutating func note(byteCount: UInt64) {
        open?.byteCount = byteCount
    }

    /// How far the open segment is.
    mutating func note(byteCount: UInt64, wall: WallTime) {
        note(byteCount: byteCount)
        let last = open?.lastTime ?? wall
        open?.lastTime = max(last, wall)
    }

    /// What the rules say is to be deleted now; nil when that is nothing.
    ///
    /// - Parameter held: Index of the first record that a legal hold keeps.
    func proposal(
        _ rules: RetentionSettings, now: WallTime, held: UInt64?
    ) -> PruneFacts? {
        guard let open else { return nil }
        var total = stored.reduce(open.byteCount) { $0 + $1.byteCount }
        var facts: PruneFacts?
        for (position, segment) in stored.enumerated() {
            let next = position + 1 < stored.count ? stored[position + 1] : open
            guard next.firstIndex <= held ?? .max else { break }
            var rule: PruneFacts.Rule?
            if let age = rules.ageSeconds, segment.lastTime < now.ago(seconds: age) {
                rule = .age(seconds: age)
            } else if let limit = rules.limitBytes, total > limit {
                rule = .size(bytes: limit)
            }
            guard let rule else { break }
            total -= segment.byteCount
            facts = PruneFacts(
                first: next.firstIndex, segments: UInt64(position + 1),
                byteCount: (facts?.byteCount ?? 0) + segment.byteCount,
                through: max(facts?.through ?? segment.lastTime, segment.lastTime), rule: rule)
        }
        // A leaf that allows nothing is none: segments without records go with later ones.
        return facts.flatMap { $0.first > 0 ? $0 : nil }
    }

    /// The leaf is signed: the segments before its minimum index are to be deleted.
    mutating func adopt(_ facts: PruneFacts) {
        condemn(before: facts.first, end: open?.firstIndex ?? .max)
    }

    private mutating func condemn(before minimum: UInt64, end: UInt64) {
        // Of a log that has deleted nothing, the first segments may hold no record: no leaf
        // speaks of them, and they stay.
        guard minimum > 0 else { return }
        while let first = stored.first {
            let next = stored.count > 1 ? stored[1].firstIndex : end
            guard next <= minimum else { return }
            condemned.append((first.number, next))
            stored.removeFirst()
        }
    }

    /// The first of the condemned segments is gone.
    mutating func removeFirstCondemned() {
        condemned.removeFirst()
    }
}

extension WallTime {
    /// The time so many seconds before, as far back as there is one.
    fileprivate func ago(seconds: UInt64) -> WallTime {
        let micro = Int64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000)
        guard !micro.overflow else { return WallTime(microseconds: .min) }
        let (time, isEndless) = microseconds.subtractingReportingOverflow(micro.partialValue)
        return WallTime(microseconds: isEndless ? .min : time)
    }
}
