import Synchronization

/// What one thread hands to another from time to time; of several, only the latest is taken.
struct Mailbox<Value: Sendable>: ~Copyable, Sendable {
    private let isFull = Atomic<Bool>(false)
    private let value = Mutex<Value?>(nil)

    /// Replaces what was not taken. Any thread.
    borrowing func put(_ new: Value) {
        value.withLock { $0 = new }
        // Releases the value; pairs with the acquiring load in `take`.
        isFull.store(true, ordering: .releasing)
    }

    /// What was put since the last call; nil, without a lock, when nothing was. The receiving
    /// thread.
    borrowing func take() -> Value? {
        guard isFull.load(ordering: .acquiring) else { return nil }
        isFull.store(false, ordering: .relaxed)
        return value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}
