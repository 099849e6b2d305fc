import AuditRecords
import AuditSegments
import Primitives

/// What the log says to the outside: after it is durable, and without waiting for anyone.
extension LogWriter {
    /// Keeps the leaf that was added last for `announceEvents`, which comes when it is durable.
    ///
    /// Heartbeats are left out: checkpoints say that the log is alive.
    mutating func keepEvent(_ word: String, _ parts: RecordParts) {
        guard outlets.journal != nil, word != "heartbeat" else { return }
        let event = PublishedEvent(
            word: word, index: tree.size - 1, core: LogWriter.copy(text, parts.core))
        keptEvents.append(event)
    }

    /// Keeps the record that was added last, when it is to be told.
    mutating func keepRecord(_ facts: RecordFacts, at offset: Int) {
        guard facts.kind != .gap, outlets.journalRecords.includes(facts.outcome) else { return }
        keptRecords.append(
            KeptRecord(
                kind: facts.kind, outcome: facts.outcome, index: tree.size - 1, offset: offset))
    }

    /// Hands over the records of a batch that has become durable, before it is forgotten.
    mutating func announceRecords() {
        guard !keptRecords.isEmpty, let journal = outlets.journal else { return }
        let count = min(journal.recordRoom, keptRecords.count)
        var records: [PublishedRecord] = []
        records.reserveCapacity(count)
        for kept in keptRecords.prefix(count) {
            let (text, parts) = batch.record(at: kept.offset)
            records.append(
                PublishedRecord(
                    kind: kept.kind, index: kept.index, outcome: kept.outcome, text: text,
                    parts: parts))
        }
        if !records.isEmpty { journal.put(records) }
        if count < keptRecords.count { journal.countLost(records: keptRecords.count - count) }
        keptRecords.removeAll(keepingCapacity: true)
    }

    private static func copy(_ text: borrowing ByteBuffer, _ range: ByteRange) -> [UInt8] {
        let bytes = text.span.extracting(range)
        return bytes.indices.map { bytes[$0] }
    }

    /// Hands over the events that have become durable.
    mutating func announceEvents() {
        guard !keptEvents.isEmpty else { return }
        let kept = keptEvents
        keptEvents = []
        for event in kept { outlets.journal?.put(.event(event)) }
    }

    /// Hands over a checkpoint that was published.
    func announce(note: [UInt8]) {
        outlets.journal?.put(.checkpoint(note: note))
        outlets.witnesses?.put(note)
    }
}
