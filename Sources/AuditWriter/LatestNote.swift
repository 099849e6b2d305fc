import LinuxIO
import Synchronization

/// Hands the last published checkpoint from the writer's thread to a thread that may wait for
/// others; one that was not fetched is replaced.
///
/// The writer never waits: the lock is held for as long as an array changes hands.
public final class LatestNote: Sendable {
    private let wakeup: Wakeup
    private let note = Mutex<[UInt8]?>(nil)
    private let stopping = Atomic<Bool>(false)

    /// An empty place.
    public init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Puts `note` in the place of the one before. The writer's thread; a system call.
    public func put(_ newNote: [UInt8]) {
        note.withLock { $0 = newNote }
        wakeup.signal()
    }

    /// The note that was put last; nil when it was taken already. The other thread.
    public func take() -> [UInt8]? {
        note.withLock { $0.take() }
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
