import AuditRecords
import Primitives

/// Records that found the ring full, in order, until it has room.
///
/// One thread owns it. Its length is bounded by the pool that its text buffers come from.
struct PendingRecords: ~Copyable {
    private var entries: Slab<PendingRecord>
    private var first = -1
    private var last = -1

    init(capacity: Int) {
        entries = Slab(capacity: capacity)
    }

    var isEmpty: Bool { first < 0 }
    var count: Int { entries.inUse }

    /// Keeps a record as the last.
    mutating func append(_ facts: RecordFacts, text: consuming PooledBuffer) {
        guard let slot = entries.insert(PendingRecord(facts: facts, text: text)) else {
            preconditionFailure("more pending records than text buffers")
        }
        if last >= 0 { entries[last].next = slot } else { first = slot }
        last = slot
    }

    /// The first record's numbers; there must be one.
    var firstFacts: RecordFacts { entries[first].facts }

    /// The first record's text; there must be one.
    var firstText: Span<UInt8> {
        @_lifetime(immortal)
        get { entries[first].text.bytes }
    }

    /// Drops the first record and gives its text back.
    mutating func dropFirst(to pool: inout BufferPool) {
        let slot = first
        first = entries[slot].next
        if first < 0 { last = -1 }
        pool.give(&entries[slot].text)
        entries.remove(slot)
    }
}

/// One record that waits. Not nested and private: the compiler (6.3.1) breaks on that.
struct PendingRecord: ~Copyable {
    let facts: RecordFacts
    var text: PooledBuffer
    var next: Int = -1
}
