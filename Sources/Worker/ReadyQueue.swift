/// Clients whose turn was cut short so that others get theirs; first in, first out.
///
/// One thread owns it. Each slot stands in it once at most.
@safe
struct ReadyQueue: ~Copyable {
    // Safe: the array lives from init to deinit and has one owner. A slot is checked where it comes
    // in; links hold what was checked before.
    private let next: UnsafeMutablePointer<Int32>
    private let capacity: Int
    private var first: Int32 = -1
    private var last: Int32 = -1
    private(set) var count = 0

    /// What `next` holds for a slot that is not queued.
    private static let absent: Int32 = -2

    init(capacity: Int) {
        self.capacity = capacity
        unsafe next = .allocate(capacity: capacity)
        unsafe next.initialize(repeating: ReadyQueue.absent, count: capacity)
    }

    deinit {
        unsafe next.deallocate()
    }

    /// Queues `slot` unless it is.
    mutating func append(_ slot: Int) {
        precondition(slot >= 0 && slot < capacity)
        guard unsafe next[slot] == ReadyQueue.absent else { return }
        unsafe next[slot] = -1
        if last >= 0 { unsafe next[Int(last)] = Int32(slot) } else { first = Int32(slot) }
        last = Int32(slot)
        count += 1
    }

    /// Takes the first slot, or nil.
    mutating func popFirst() -> Int? {
        guard first >= 0 else { return nil }
        let slot = Int(first)
        unsafe first = next[slot]
        if first < 0 { last = -1 }
        unsafe next[slot] = ReadyQueue.absent
        count -= 1
        return slot
    }
}
