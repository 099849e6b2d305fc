import AuditRecords
import LinuxIO
import Primitives
import Synchronization

/// What other threads tell the audit writer's thread.
public final class WriterControl: Sendable {
    /// Signalled by a worker whose ring is half full; the writer comes by itself otherwise.
    private let wakeup: Wakeup
    private let isStopping = Atomic<Bool>(false)
    /// Whether a worker waits for a turn that has not begun.
    private let isCommitWanted = Atomic<Bool>(false)
    /// The oldest settings generation that a record may still be made under.
    private let oldest = Atomic<UInt32>(0)
    private let hasEvents = Atomic<Bool>(false)
    private let events = Mutex<EventQueue>(EventQueue())

    /// What others wait for.
    let requests = RequestQueue()

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Makes the writer drain now. Any thread; a system call.
    public func wake() {
        wakeup.signal()
    }

    /// Makes the writer drain now for a worker that waits until its records are durable. Any
    /// thread, after the ring's publication.
    ///
    /// Workers that ask while a turn is under way share the next one, and one system call.
    public func requestCommit() {
        // Releases the publication; pairs with the exchange in `beginTurn`.
        guard !isCommitWanted.exchange(true, ordering: .acquiringAndReleasing) else { return }
        wakeup.signal()
    }

    /// Says that a turn begins: what is asked for from now on needs another.
    func beginTurn() {
        // Pairs with the exchange in `requestCommit`: what was published before is drained.
        _ = isCommitWanted.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// Says that every record of a generation before `generation` is in its worker's ring, or out
    /// of it. Any thread.
    public func publish(oldest generation: SettingsGeneration) {
        // Releases the rings' publications, which the caller has seen.
        oldest.store(generation.number, ordering: .releasing)
    }

    /// What `publish(oldest:)` said last. The writer's thread, before it looks into the rings.
    var oldestGeneration: SettingsGeneration {
        SettingsGeneration(number: oldest.load(ordering: .acquiring))
    }

    /// Has `event` written into the log at the writer's next turn, with the time of this call.
    ///
    /// Any thread, before and while the writer runs; a system call. Events that come while too
    /// many are waiting are not written: their number is.
    public func record(_ event: LifecycleEvent) {
        events.withLock { $0.append(event) }
        // Releases the events; pairs with the acquiring load in `takeEvents`.
        hasEvents.store(true, ordering: .releasing)
        wake()
    }

    /// Has the writer do `request`, and waits until it is durable or refused.
    ///
    /// Any thread but a worker's and the writer's; it may wait until `deadline`.
    public func perform(_ request: WriterRequest, until deadline: Instant) -> WriterAnswer {
        requests.perform(request, until: deadline) { wake() }
    }

    /// Makes the writer drain everything, say stop, seal and end. After the workers have ended.
    func stop() {
        // Releases what the workers published; pairs with the acquiring load in `shouldStop`.
        isStopping.store(true, ordering: .releasing)
        wake()
    }

    var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    func takeEvents() -> [EventQueue.Entry] {
        guard hasEvents.load(ordering: .acquiring) else { return [] }
        hasEvents.store(false, ordering: .relaxed)
        return events.withLock { $0.takeAll() }
    }

    func watch(with poller: borrowing Poller) throws(SystemError) {
        try poller.addSource(wakeup.descriptor, tag: 0)
    }

    func drain() {
        wakeup.drain()
    }
}

/// Lifecycle events that wait for the writer.
struct EventQueue: Sendable {
    /// An event and when it happened.
    struct Entry: Sendable, Equatable {
        var event: LifecycleEvent
        var time: WallTime
        var instant: Instant
    }

    private var entries: [Entry] = []
    private var droppedCount: UInt64 = 0

    /// Most events that wait.
    static let capacity = 64

    /// Appends `event` with the time of now, or counts it when the queue is full.
    mutating func append(_ event: LifecycleEvent) {
        guard entries.count < EventQueue.capacity else {
            droppedCount += 1
            return
        }
        entries.append(
            Entry(event: event, time: SystemClock.wall(), instant: SystemClock.monotonic()))
    }

    /// The events in their order, and how many found no room.
    mutating func takeAll() -> [Entry] {
        var taken = entries
        if droppedCount > 0 {
            taken.append(
                Entry(
                    event: .eventsDropped(count: droppedCount), time: SystemClock.wall(),
                    instant: SystemClock.monotonic()))
        }
        self = EventQueue()
        return taken
    }
}
