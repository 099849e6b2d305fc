import LinuxIO
import Primitives
import Synchronization
import TLS

/// What a worker counts; monotonic since its start.
public struct WorkerCounters: Sendable, Equatable {
    /// Connections accepted.
    public var connections: UInt64 = 0
    /// Requests whose record was made.
    public var requests: UInt64 = 0
    /// TLS handshakes that failed, each with a record.
    public var failedHandshakes: UInt64 = 0
    /// Requests sent over an upstream connection that had served one before.
    public var upstreamReuses: UInt64 = 0
    /// Requests refused, or answers cut, because their record could not be kept.
    public var logRefusals: UInt64 = 0
    /// Records that were dropped; gap leaves have their numbers.
    public var lostRecords: UInt64 = 0
    /// Upstream connections opened.
    public var upstreamConnects: UInt64 = 0
    /// Events for slots that were reused meanwhile.
    public var staleEvents: UInt64 = 0
    /// Tokens found in the cache.
    public var tokenHits: UInt64 = 0
    /// Tokens that were not, so that they were verified.
    public var tokenMisses: UInt64 = 0
    /// Bytes of the audit ring that wait for the writer, as far as the worker knows.
    public var ringBytes: UInt64 = 0
    /// Clients connected now.
    public var openClients: UInt64 = 0

    /// Nothing counted.
    public init() {}
}

/// How other threads speak with one worker: wake it, drain it, stop it, read its counters.
public final class WorkerControl: Sendable {
    let wakeup: Wakeup
    /// How the worker's requests ended, and how long they took.
    public let meter = RequestMeter()
    private let drainRequested = Atomic<Bool>(false)
    private let stopRequested = Atomic<Bool>(false)
    private let finished = Atomic<Bool>(false)
    private let acceptRequested = Atomic<Bool>(false)
    private let turnCount = Atomic<UInt64>(0)
    private let published = Mutex(WorkerCounters())
    private let contexts = Mailbox<TLSContexts>()
    private let tickets = Mailbox<TicketKeys>()
    private let retirements = Mailbox<SettingsRetirement>()
    private let updates = Mailbox<SettingsUpdate>()
    /// The number of the latest settings that the worker goes by, of the oldest that a request is
    /// under way with, and how many there are.
    private let generation = Atomic<UInt32>(0)
    private let oldest = Atomic<UInt32>(0)
    private let generations = Atomic<Int>(1)

    /// Most generations of settings that one worker has requests under way with.
    public static let limitGenerations = 64
    /// Most sockets that one worker listens on: a settings file has 64 listeners at most, and
    /// those of the one before may be open still.
    public static let limitSockets = 128

    /// Control of a worker that is yet to start.
    public init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Asks the worker to accept nothing more and to end when its requests have. Any thread.
    public func drain() {
        drainRequested.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Asks the worker to end now; requests under way are recorded as aborted. Any thread.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Makes the worker look at its world again, such as new endpoint addresses. Any thread.
    public func wake() {
        wakeup.signal()
    }

    /// Gives the worker the contexts that its next connections begin with. Any thread.
    public func publish(contexts new: TLSContexts) {
        contexts.put(new)
        wakeup.signal()
    }

    /// Gives the worker the keys that it seals tickets with from now on. Any thread.
    public func publish(tickets new: TicketKeys) {
        tickets.put(new)
        wakeup.signal()
    }

    /// Says what the next update will end, some time before it. Any thread.
    public func publish(retirement: SettingsRetirement) {
        retirements.put(retirement)
        wakeup.signal()
    }

    /// Gives the worker the settings to go on with. Any thread; not before the worker goes by those
    /// that were given before, and while it has fewer than `limitGenerations`.
    public func publish(update: SettingsUpdate) {
        updates.put(update)
        wakeup.signal()
    }

    /// The latest settings that the worker goes by; zero before it listens. Any thread.
    public var currentGeneration: SettingsGeneration {
        SettingsGeneration(number: generation.load(ordering: .acquiring))
    }

    /// The oldest settings that a record of the worker may still be made under. Any thread.
    public var oldestGeneration: SettingsGeneration {
        // Pairs with the releasing store in `publish(generation:)`, behind the ring's publication.
        SettingsGeneration(number: oldest.load(ordering: .acquiring))
    }

    /// How many generations of settings the worker has. Any thread.
    public var generationCount: Int { generations.load(ordering: .relaxed) }

    /// Asks the worker to take connections that wait at sockets it shares. Any thread.
    public func requestAccept() {
        acceptRequested.store(true, ordering: .relaxed)
        wakeup.signal()
    }

    /// How many turns the worker's loop has made; one that is woken makes another. Any thread.
    public var turns: UInt64 { turnCount.load(ordering: .relaxed) }

    /// Whether the worker's thread has ended, its last record published. Any thread.
    public var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// The counters as the worker last published them, at most a second ago. Any thread.
    public func counters() -> WorkerCounters { published.withLock { $0 } }

    var isDraining: Bool { drainRequested.load(ordering: .acquiring) }
    var isStopping: Bool { stopRequested.load(ordering: .acquiring) }

    /// Contexts that were published since the last call. The worker's thread.
    func takeContexts() -> TLSContexts? { contexts.take() }

    /// Ticket keys that were published since the last call. The worker's thread.
    func takeTickets() -> TicketKeys? { tickets.take() }

    /// What the next update ends. The worker's thread.
    func takeRetirement() -> SettingsRetirement? { retirements.take() }

    /// Settings to go on with. The worker's thread.
    func takeUpdate() -> SettingsUpdate? { updates.take() }

    /// Says which settings are in use, after the records made under earlier ones are published.
    func publish(
        generation latest: SettingsGeneration, oldest earliest: SettingsGeneration, inUse count: Int
    ) {
        generations.store(count, ordering: .relaxed)
        oldest.store(earliest.number, ordering: .releasing)
        generation.store(latest.number, ordering: .releasing)
    }

    /// Whether `requestAccept` was called since. The worker's thread, once per turn.
    func takeAcceptRequest() -> Bool {
        // Orders nothing: the connections are the kernel's to show.
        guard acceptRequested.load(ordering: .relaxed) else { return false }
        acceptRequested.store(false, ordering: .relaxed)
        return true
    }

    /// Counts a turn. The worker's thread is the only one that stores: no locked instruction.
    func publishTurn() {
        turnCount.store(turnCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    func publish(_ counters: WorkerCounters) {
        published.withLock { $0 = counters }
    }

    func finish() {
        finished.store(true, ordering: .releasing)
    }
}
