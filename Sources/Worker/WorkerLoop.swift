import AuditRecords
import AuditRings
import Authentication
import Authorization
import Crypto
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS
import Upstream

/// One worker: its sockets, connections, pools and caches, and the loop that serves them.
///
/// Everything is made in `init`; from then on a request allocates nothing. One thread owns it.
struct WorkerLoop: ~Copyable {
    let configuration: WorkerConfiguration
    /// The latest settings, by which new requests are judged, and their limits.
    var settings: ProxySettings
    var limits: ConnectionLimits
    /// All that a request is under way with, and which of them are the latest.
    var inUse: Slab<SettingsInUse>
    var current: UInt8
    /// What the next settings will end.
    var retiring: SettingsRetirement?
    /// Whether there are earlier ones, when that was looked at, and what was found.
    var hasEarlierSettings = false
    var settingsLooked = Instant.zero
    var forgotten: SettingsGeneration?
    /// Most bytes of an answered request's body that are read only to keep the connection.
    static let discardLimitBytes = 65_536
    /// Descriptors that clients leave free; half of them are left free by upstreams too.
    static let reservedDescriptors = 128
    /// Changes of phase that one client gets before the others' turn comes; two a request.
    static let stepsPerTurn = 64
    /// How long the rest of a closing client's bytes is awaited.
    static let lingerNanoseconds: UInt64 = 2_000_000_000
    /// How long a connection that has not asked for anything yet may do so while the process ends.
    static let newcomerMilliseconds: UInt32 = 1000
    /// Runs of dropped numbers that are held until the ring has room.
    static let lostRuns = 256
    /// When a request that is still open gets its decision recorded (audit log format §6).
    static let decisionNanoseconds: UInt64 = 1_000_000_000
    /// How often it is looked whether earlier settings are still needed.
    static let forgetNanoseconds: UInt64 = 1_000_000_000

    var poller: Poller
    var listeners: Slab<OwnedListener>
    var clients: Slab<ClientConnection>
    var upstreams: Slab<UpstreamConnection>
    var buffers: BufferPool
    var records: BufferPool
    var bodies: BodyWatches
    var pending: PendingRecords
    var lost: LostNumbers
    var commits: CommitQueue
    var ready: ReadyQueue
    var wheel: TimerWheel
    var idle: IdlePool

    var head: RequestHead
    var responseHead: ResponseHead
    var authenticator: Authenticator
    var text: RecordDraft
    var identifiers: IdentifierSource
    /// `<log id>.<boot>.<worker>.`, lent for good.
    var receiptPrefix: PooledBuffer
    var ring: RingProducer
    var engine: TLSEngine
    /// What the authenticator's keys are made with.
    let library: CryptoLibrary

    var now: Instant
    var wall: WallTime
    var sequence: UInt64 = 0
    /// What `publishRecords` has told the writer.
    var publishedSequence: UInt64 = 0
    var publishedRecords: UInt64 = 0
    /// The last record that the writer was asked to make durable at once.
    var requestedRecord: UInt64 = 0
    var connectionNumber: UInt64 = 0
    /// When records were last published; `distantFuture` while some are pushed and not published.
    var lastPublished = Instant.zero
    var counters = WorkerCounters()
    /// The counters as other threads see them, and since when.
    var publishedCounters = WorkerCounters()
    var countersPublished = Instant.zero
    var isAcceptPaused = false
    /// Past these numbers a client's or an upstream's connection is given up: the kernel gives
    /// the lowest number free, and the audit log must always find one for its next file.
    let clientDescriptors: CInt
    let upstreamDescriptors: CInt
    var isDraining = false
    var drainDeadline = Instant.distantFuture

    /// A listener's socket and where its connections are counted.
    struct OwnedListener: ~Copyable {
        let listener: Listener
        var index: UInt16
        /// Whether other workers take connections from the same socket.
        let isShared: Bool
        /// Whether it stays open when the process ends.
        let isKept: Bool
        /// Whether what waits there is left until the next settings.
        var isPaused = false
    }

    init(
        _ configuration: WorkerConfiguration, ring: consuming RingProducer,
        authenticator: consuming Authenticator, hash: consuming SHA256, poller: consuming Poller,
        engine: consuming TLSEngine, library: consuming CryptoLibrary
    ) {
        let settings = configuration.settings
        let limits = settings.connections
        let capacity = limits.connectionsPerWorker
        self.configuration = configuration
        self.settings = settings
        self.limits = limits
        self.ring = ring
        self.engine = engine
        self.library = library
        inUse = Slab(capacity: WorkerControl.limitGenerations)
        let first = SettingsInUse(
            settings, endpoints: configuration.endpoints, contexts: configuration.tls.contexts,
            worker: configuration.index)
        let endpointTotal = first.turns.endpointTotal
        let slot = inUse.insert(first)
        precondition(slot != nil)
        current = UInt8(slot ?? 0)
        let descriptors = ProcessLimits.descriptors()
        let reserve = min(WorkerLoop.reservedDescriptors, descriptors / 4)
        clientDescriptors = CInt(clamping: descriptors - reserve)
        upstreamDescriptors = CInt(clamping: descriptors - reserve / 2)
        now = SystemClock.monotonic()
        wall = SystemClock.wall()
        listeners = Slab(capacity: WorkerControl.limitSockets)
        clients = Slab(capacity: capacity)
        upstreams = Slab(capacity: capacity)
        // A rewritten head is longer than the one read: room for the fields that are added.
        let bufferBytes = (limits.http.headBytes + 4096 + 63) / 64 * 64
        buffers = BufferPool(capacity: capacity * 4, bufferBytes: bufferBytes)
        records = BufferPool(
            capacity: capacity * 2 + WorkerLoop.pendingSpare + 1,
            bufferBytes: (settings.recordLimits.maximumFieldBytes + 63) / 64 * 64)
        bodies = BodyWatches(
            capacity: settings.watchesBodies ? capacity * 2 : 1,
            textBytes: settings.recordLimits.bodyBytes)
        ready = ReadyQueue(capacity: capacity)
        pending = PendingRecords(capacity: capacity * 2 + WorkerLoop.pendingSpare)
        lost = LostNumbers(capacity: WorkerLoop.lostRuns)
        commits = CommitQueue(capacity: capacity)
        wheel = TimerWheel(capacity: capacity * 2 + 1, now: now)
        idle = IdlePool(endpoints: endpointTotal, connections: capacity)
        head = RequestHead(limits: limits.http)
        responseHead = ResponseHead(limits: limits.http)
        self.authenticator = authenticator
        text = RecordDraft(hash: hash, queryBytes: limits.http.headBytes, settings: settings)
        self.poller = poller
        receiptPrefix = .none
        let isLent = records.lend(&receiptPrefix)
        precondition(isLent)
        receiptPrefix.write { $0.append(configuration.receiptPrefix.span) }
        identifiers = IdentifierSource(seed: (RandomBytes.number(), RandomBytes.number()))
    }

    /// Watches the worker's sockets.
    mutating func listen() throws(WorkerError) {
        do {
            try poller.addSource(
                configuration.control.wakeup.descriptor,
                tag: EventTag(.control, slot: 0, generation: 0).rawValue)
            for socket in configuration.listeners {
                let listener = try Listener(owning: socket.number)
                guard
                    let slot = listeners.insert(
                        OwnedListener(
                            listener: listener, index: UInt16(socket.listener),
                            isShared: socket.isShared, isKept: socket.isKept))
                else { preconditionFailure("more listeners than counted") }
                try watchListener(slot)
            }
            configuration.control.publish(
                generation: settings.generation, oldest: settings.generation, inUse: 1)
        } catch {
            throw .system(error)
        }
    }

    /// Serves until told to stop or drained.
    mutating func run() {
        while !isDone {
            let count: Int
            do {
                count = try poller.wait(milliseconds: waitMilliseconds())
            } catch {
                // Only a broken descriptor of our own can make epoll_wait fail.
                preconditionFailure("\(error)")
            }
            now = SystemClock.monotonic()
            wall = SystemClock.wall()
            configuration.control.publishTurn()
            closeSpentUpstreams(events: count)
            for index in 0..<count {
                let event = poller.event(at: index)
                dispatch(EventTag(rawValue: event.tag), event.readiness)
            }
            serveReady()
            expireTimers()
            housekeep()
            flushPending()
            serveCommitted()
            publishRecords()
            publishSettings()
        }
        abandonAll()
        handOverRecords()
        configuration.control.publish(counters)
    }

    private var isDone: Bool {
        if configuration.control.isStopping { return true }
        return isDraining && (clients.inUse == 0 || now >= drainDeadline)
    }

    /// Milliseconds until the next timer or chore, rounded up; -1 for no end.
    private func waitMilliseconds() -> Int32 {
        if ready.count > 0 { return 0 }
        var next = wheel.nextLook() ?? .distantFuture
        if isDraining { next = min(next, drainDeadline) }
        // Records that found the ring full are tried again at the writer's pace.
        if !pending.isEmpty || !lost.isEmpty {
            next = min(next, now.advanced(nanoseconds: 5_000_000))
        }
        if hasEarlierSettings {
            next = min(next, settingsLooked.advanced(nanoseconds: WorkerLoop.forgetNanoseconds))
        }
        if counters != publishedCounters
            || UInt64(clients.inUse) != publishedCounters.openClients
        {
            next = min(next, countersPublished.advanced(nanoseconds: 1_000_000_000))
        }
        guard next != .distantFuture else { return -1 }
        return Int32(clamping: (next.nanoseconds(since: now) + 999_999) / 1_000_000)
    }

    /// Closes the idle upstream connections that this turn's events tell of, before a request of
    /// the same turn is given one that has ended, or whose bytes would be taken for its answer.
    private mutating func closeSpentUpstreams(events count: Int) {
        guard count > 1 else { return }
        for index in 0..<count {
            let event = poller.event(at: index)
            let tag = EventTag(rawValue: event.tag)
            guard tag.kind == .upstream, upstreams.holds(tag.slot, generation: tag.generation),
                upstreams[tag.slot].client < 0
            else { continue }
            upstreamReady(tag.slot, event.readiness)
        }
    }

    private mutating func dispatch(_ tag: EventTag, _ readiness: Readiness) {
        switch tag.kind {
        case .listener:
            if listeners.holds(tag.slot, generation: tag.generation) { accept(tag.slot) }
        case .client:
            guard clients.holds(tag.slot, generation: tag.generation) else {
                counters.staleEvents += 1
                return
            }
            clientReady(tag.slot, readiness)
        case .upstream:
            guard upstreams.holds(tag.slot, generation: tag.generation) else {
                counters.staleEvents += 1
                return
            }
            upstreamReady(tag.slot, readiness)
        case .control:
            configuration.control.wakeup.drain()
        }
    }

    /// Goes on with the clients whose last turn was cut short. A slot that was closed and reused
    /// meanwhile only gets a turn that it did not need.
    private mutating func serveReady() {
        for _ in 0..<ready.count {
            guard let slot = ready.popFirst() else { return }
            if clients.isUsed(slot) { advance(slot) }
        }
    }

    private mutating func expireTimers() {
        while let timer = wheel.popExpired(now: now) {
            if timer < clients.capacity {
                if clients.isUsed(timer) { clientTimer(timer) }
            } else {
                upstreamTimer(timer - clients.capacity)
            }
        }
    }

    /// What is looked at once per turn: counters, drain, new addresses.
    private mutating func housekeep() {
        if now.nanoseconds(since: countersPublished) >= 1_000_000_000 {
            countersPublished = now
            counters.openClients = UInt64(clients.inUse)
            counters.ringBytes = UInt64(ring.usedBytes())
            counters.tokenHits = authenticator.hits
            counters.tokenMisses = authenticator.misses
            publishedCounters = counters
            configuration.control.publish(counters)
        }
        if !isDraining, configuration.control.isDraining { beginDrain() }
        // New sessions are made from them; those under way keep what they were made from. They are
        // those of the latest settings: the control thread gives none while it changes settings.
        if let published = configuration.control.takeContexts() {
            inUse[Int(current)].contexts = published
        }
        if let published = configuration.control.takeTickets() {
            configuration.tls.library.adopt(published)
        }
        if !isDraining { takeSettings() }
        if configuration.control.takeAcceptRequest() { acceptShared() }
        inUse[Int(current)].refreshAddresses()
        if hasEarlierSettings,
            now.nanoseconds(since: settingsLooked) >= WorkerLoop.forgetNanoseconds
        {
            forgetSettings()
        }
    }

    /// The settings that the client's request is judged by.
    func settings(of slot: Int) -> ProxySettings { inUse[Int(clients[slot].generation)].settings }
}

/// Why a worker could not start.
public enum WorkerError: Error, Equatable, Sendable {
    /// A system call failed.
    case system(SystemError)
    /// The cryptographic library could not be set up.
    case cryptography
}
