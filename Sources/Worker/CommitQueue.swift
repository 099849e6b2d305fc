/// Clients that wait until a record of theirs is durable, in the order of their records.
///
/// One thread owns it. Each slot stands in it once at most, and may leave it at any place.
struct CommitQueue: ~Copyable {
    private var links: [Link]
    private(set) var first = -1
    private var last = -1
    private(set) var count = 0

    private struct Link {
        var previous: Int32 = -1
        var next: Int32 = -1
        /// Which of the ring's records is waited for, counted from 1; 0 when the slot waits for none.
        var record: UInt64 = 0
    }

    init(capacity: Int) {
        links = [Link](repeating: Link(), count: capacity)
    }

    var isEmpty: Bool { count == 0 }

    /// The record that the last slot waits for; 0 when none waits.
    var lastRecord: UInt64 { last < 0 ? 0 : links[last].record }

    /// The record that `slot` waits for; 0 when it waits for none.
    func record(of slot: Int) -> UInt64 { links[slot].record }

    /// Queues `slot`, which does not wait, for a record that is not before those queued.
    mutating func append(_ slot: Int, record: UInt64) {
        precondition(record > 0 && record >= lastRecord && links[slot].record == 0)
        links[slot] = Link(previous: Int32(last), next: -1, record: record)
        if last >= 0 { links[last].next = Int32(slot) } else { first = slot }
        last = slot
        count += 1
    }

    /// Takes `slot` out, if it waits.
    mutating func remove(_ slot: Int) {
        guard count > 0, links[slot].record > 0 else { return }
        let link = links[slot]
        if link.previous >= 0 {
            links[Int(link.previous)].next = link.next
        } else {
            first = Int(link.next)
        }
        if link.next >= 0 {
            links[Int(link.next)].previous = link.previous
        } else {
            last = Int(link.previous)
        }
        links[slot] = Link()
        count -= 1
    }
}
