import LinuxIO
import Synchronization

/// Tells a thread that may wait for others that something waits for it, and when nothing more comes.
public final class HandoverSignal: Sendable {
    private let wakeup: Wakeup
    private let stopping = Atomic<Bool>(false)

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Says that something waits. Any thread; a system call.
    func announce() {
        wakeup.signal()
    }

    /// Says that nothing more comes. Any thread.
    public func stop() {
        // Releases what was put; pairs with the acquiring load in `isStopping`.
        stopping.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Whether nothing more comes than what waits.
    public var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Has `poller` wake up when something waits.
    public func watch(with poller: borrowing Poller) throws(SystemError) {
        try poller.addSource(wakeup.descriptor, tag: 0)
    }

    /// Forgets the wake-ups so far; before `take`.
    public func drain() {
        wakeup.drain()
    }
}
