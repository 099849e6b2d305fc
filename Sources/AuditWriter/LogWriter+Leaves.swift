import AuditRecords
import AuditRings
import AuditSegments
import Primitives

/// The writer's own leaves: what happened to the log itself.
extension LogWriter {
    mutating func add(
        _ event: LifecycleEvent, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write { encoder.encode(event, time: wall, instant: now, into: &$0) }
        try addText(.lifecycle, parts, wall)
        keepEvent(event.word, parts)
    }

    mutating func add(_ gap: GapFacts, now: Instant, wall: WallTime) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write { encoder.encode(gap, time: wall, instant: now, into: &$0) }
        try addText(.gap, parts, wall)
        keepEvent("gap", parts)
    }

    mutating func addText(
        _ kind: RecordKind, _ parts: RecordParts, _ wall: WallTime
    ) throws(AuditWriterError) {
        if batch.byteCount >= LogWriter.flushBytes || batch.count == LogWriter.batchRecords {
            try flush(wall: wall)
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
