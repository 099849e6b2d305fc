import LinuxIO
import Synchronization

/// Asks one thread to end.
final class StopSignal: Sendable {
    private let wakeup: Wakeup
    private let asked = Atomic<Bool>(false)

    init() throws(SystemError) { wakeup = try Wakeup() }

    /// Asks; the thread wakes up. Any thread.
    func ask() {
        asked.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Whether it was asked.
    var isAsked: Bool { asked.load(ordering: .acquiring) }

    /// Has `poller` end its wait once asked.
    func watch(with poller: borrowing Poller, tag: UInt64) throws(SystemError) {
        try poller.addSource(wakeup.descriptor, tag: tag)
    }
}
