import AuditRecords
import LinuxIO
import Primitives
import Synchronization

/// What other threads tell the audit writer's thread.
public final class WriterControl: Sendable {
    /// Signalled by a worker whose ring is half full; the writer comes by itself otherwise.
    private let wakeup: Wakeup
    private let isStopping = Atomic<Bool>(false)
    private let hasNames = Atomic<Bool>(false)
    private let names = Mutex<(RecordNames, SettingsGeneration)?>(nil)

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Makes the writer drain now. Any thread; a system call.
    public func wake() {
        wakeup.signal()
    }

    /// Gives the writer the names of a new settings generation, before a worker uses it.
    public func adopt(_ newNames: RecordNames, generation: SettingsGeneration) {
        names.withLock { $0 = (newNames, generation) }
        // Releases the names; pairs with the acquiring load in `takeNames`.
        hasNames.store(true, ordering: .releasing)
        wake()
    }

    /// Makes the writer drain everything, say stop, seal and end. After the workers have ended.
    func stop() {
        // Releases what the workers published; pairs with the acquiring load in `shouldStop`.
        isStopping.store(true, ordering: .releasing)
        wake()
    }

    var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    func takeNames() -> (RecordNames, SettingsGeneration)? {
        guard hasNames.load(ordering: .acquiring) else { return nil }
        hasNames.store(false, ordering: .relaxed)
        return names.withLock { pending in
            defer { pending = nil }
            return pending
        }
    }

    func watch(with poller: borrowing Poller) throws(SystemError) {
        try poller.addSource(wakeup.descriptor, tag: 0)
    }

    func drain() {
        wakeup.drain()
    }
}
