import AuditRecords
import AuditRings
import AuditSegments
import Primitives

/// A leaf of the writer's own that waits for its place in a batch, with the time it is about.
enum OwnLeaf: Sendable {
    case event(LifecycleEvent, Instant, WallTime)
    case gap(GapFacts, Instant, WallTime)
}

/// The writer's own leaves: what happened to the log itself.
extension LogWriter {
    /// Has `leaf` written with the next turn; after the stop leaf nothing follows.
    mutating func queue(_ leaf: OwnLeaf) {
        guard !isStopQueued else { return }
        leaves.append(leaf)
    }

    /// Takes the leaves that wait into the batch, in their order.
    ///
    /// - Throws: `writeRefused`; what was not taken still waits.
    mutating func addLeaves() throws(AuditWriterError) {
        while let leaf = leaves.first {
            switch leaf {
            case .event(let event, let now, let wall): try add(event, now: now, wall: wall)
            case .gap(let gap, let now, let wall): try add(gap, now: now, wall: wall)
            }
            leaves.removeFirst()
        }
    }

    /// Queues gap leaves for the numbers that nobody recorded, and the stop leaf behind them.
    mutating func queueStop(now: Instant, wall: WallTime) {
        for worker in accounts.indices {
            let last = max(accounts[worker].highest ?? 0, status.lastSequence(worker: worker))
            for range in accounts[worker].missing(through: last) {
                queue(
                    .gap(
                        GapFacts(
                            boot: identity.boot, worker: UInt16(truncatingIfNeeded: worker),
                            first: range.lowerBound, last: range.upperBound, reason: .dropped),
                        now, wall))
            }
        }
        queue(.event(.stop(sequences: sequences()), now, wall))
        isStopQueued = true
    }

    mutating func add(
        _ event: LifecycleEvent, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write { encoder.encode(event, time: wall, instant: now, into: &$0) }
        try addText(.lifecycle, parts, now, wall)
        keepEvent(event.word, parts)
    }

    mutating func add(_ gap: GapFacts, now: Instant, wall: WallTime) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write { encoder.encode(gap, time: wall, instant: now, into: &$0) }
        try addText(.gap, parts, now, wall)
        keepEvent("gap", parts)
    }

    /// Adds a record of the writer's own that says `members`.
    mutating func add(
        _ members: [String: CanonicalValue], _ kind: RecordKind, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write {
            encoder.encode(members, time: wall, instant: now, into: &$0)
        }
        try addText(kind, parts, now, wall)
    }

    mutating func addText(
        _ kind: RecordKind, _ parts: RecordParts, _ now: Instant, _ wall: WallTime
    ) throws(AuditWriterError) {
        if batch.byteCount >= LogWriter.flushBytes || batch.count == LogWriter.batchRecords {
            try flush(now: now, wall: wall)
        }
        do {
            try LogWriter.add(kind, wall, parts, text, &batch, &tree)
        } catch {
            throw .evidence(error)
        }
    }

    /// The highest sequence number that each worker is known to have taken.
    func sequences() -> [UInt64] {
        accounts.indices.map { max(accounts[$0].highest ?? 0, status.lastSequence(worker: $0)) }
    }
}
