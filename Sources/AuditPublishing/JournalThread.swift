import AuditRecords
import AuditWriter
import LinuxIO
import Primitives
import Synchronization

/// What the operator has to know about sending to journald.
public enum JournalNotice: Sendable, Equatable {
    /// Nothing can be sent; it is tried again.
    case unavailable(SystemError)
    /// Messages are sent again.
    case available
}

/// The thread that sends what the log says to journald: it may wait, which the writer may not.
///
/// journald takes its messages as datagrams without an answer. While it takes none, they wait in
/// the queue, and what the queue has no room for is counted: in a leaf of the log, a minute apart
/// at most, and at the end in a last message.
public struct JournalThread: ~Copyable, Sendable {
    private let queue: PublicationQueue
    private let socket: LocalDatagram
    private let settings: JournalSettings
    private let origin: String
    private let record: @Sendable (LifecycleEvent) -> Void
    private let tell: @Sendable (JournalNotice) -> Void

    /// Taken from the queue and not sent yet, the next one last.
    private var pending: [Publication] = []
    private var records: [PublishedRecord] = []
    /// Just now, not in the log yet, and everything.
    private var lost = PublicationLosses()
    private var unrecorded = PublicationLosses()
    private var losses = PublicationLosses()
    private var lastRecorded: Instant?
    private var isUnavailable = false
    private var allowance: RecordAllowance

    private static let retryMilliseconds: Int32 = 20
    private static let lookMilliseconds: Int32 = 1000
    private static let recordNanoseconds: UInt64 = 60_000_000_000
    /// How long the end of the process waits for journald.
    private static let endNanoseconds: UInt64 = 2_000_000_000

    /// A thread that sends what `queue` brings of the log `origin`.
    ///
    /// - Parameters:
    ///   - record: Has the log record what was lost, on this thread.
    ///   - tell: Is told what the operator has to know, on this thread.
    public init(
        settings: JournalSettings, origin: String, queue: PublicationQueue,
        record: @escaping @Sendable (LifecycleEvent) -> Void,
        tell: @escaping @Sendable (JournalNotice) -> Void
    ) throws(SystemError) {
        socket = try LocalDatagram(path: settings.socketPath)
        allowance = RecordAllowance(perSecond: settings.recordsPerSecond)
        self.settings = settings
        self.origin = origin
        self.queue = queue
        self.record = record
        self.tell = tell
    }

    /// Starts it.
    public consuming func start() throws(SystemError) -> RunningJournal {
        let poller = try Poller(batch: 1)
        try queue.signal.watch(with: poller)
        let outcome = JournalOutcome()
        let queue = queue
        let thread = try PinnedThread.start(
            name: "journal", state: JournalLoop(thread: self, poller: poller)
        ) { loop in
            var loop = loop
            outcome.end(loop.run())
        }
        return RunningJournal(thread: thread, queue: queue, outcome: outcome)
    }

    /// Sends what it can: records when nothing else waits.
    ///
    /// - Returns: Whether all is sent.
    fileprivate mutating func send() -> Bool {
        while true {
            if pending.isEmpty { pending = queue.take().reversed() }
            if let next = pending.last {
                guard isSettled(next) else { return false }
                pending.removeLast()
                continue
            }
            if records.isEmpty { records = queue.takeRecords().reversed() }
            guard let next = records.popLast() else { return true }
            guard isSettled(next) else {
                records.append(next)
                return false
            }
        }
    }

    /// Sends `publication`; whether nothing remains to be done for it.
    private mutating func isSettled(_ publication: Publication) -> Bool {
        if case .checkpoint = publication, !settings.sendsCheckpoints { return true }
        guard let entry = JournalMessages.entry(publication, origin: origin) else { return true }
        switch send(entry) {
        case .sent: return true
        case .impossible:
            lost.count(publication)
            return true
        case .later: return false
        }
    }

    /// The same for a record.
    private mutating func isSettled(_ record: PublishedRecord) -> Bool {
        let now = SystemClock.monotonic()
        guard allowance.isOpen(now: now) else {
            lost.records += 1
            return true
        }
        switch send(JournalMessages.entry(record, origin: origin)) {
        case .sent:
            allowance.spend(now: now)
            return true
        case .impossible:
            lost.records += 1
            return true
        case .later: return false
        }
    }

    private enum Sending {
        case sent
        case later
        /// Too long for anyone.
        case impossible
    }

    private mutating func send(_ entry: JournalEntry) -> Sending {
        switch socket.send(entry.bytes.span) {
        case .sent:
            if isUnavailable { tell(.available) }
            isUnavailable = false
            return .sent
        case .wouldBlock: return .later
        case .failed(let error) where error.isMessageTooLong: return .impossible
        case .failed(let error):
            if !isUnavailable { tell(.unavailable(error)) }
            isUnavailable = true
            return .later
        }
    }

    /// Adds up what was lost, here and on the way.
    private mutating func addLosses() {
        lost.add(queue.takeLosses())
        unrecorded.add(lost)
        losses.add(lost)
        lost = PublicationLosses()
    }

    /// Has the log say what could not be sent.
    fileprivate mutating func recordLosses(now: Instant) {
        addLosses()
        guard !unrecorded.isEmpty else { return }
        if let lastRecorded,
            now.nanoseconds(since: lastRecorded) < JournalThread.recordNanoseconds
        {
            return
        }
        lastRecorded = now
        record(
            .journalLost(
                checkpoints: unrecorded.checkpoints, events: unrecorded.events,
                records: unrecorded.records))
        unrecorded = PublicationLosses()
    }

    /// Milliseconds until there may be something to do without being woken; -1 for never.
    fileprivate func pause(isDone: Bool) -> Int32 {
        if !isDone { return JournalThread.retryMilliseconds }
        return unrecorded.isEmpty ? -1 : JournalThread.lookMilliseconds
    }

    /// Whether waiting for journald has to end.
    fileprivate static func isOver(since start: Instant, now: Instant) -> Bool {
        now.nanoseconds(since: start) >= endNanoseconds
    }

    /// Counts what remains, says what was lost, and answers it.
    fileprivate mutating func finish() -> PublicationLosses {
        for publication in pending + queue.take() { lost.count(publication) }
        lost.records += UInt64(records.count + queue.takeRecords().count)
        pending = []
        records = []
        addLosses()
        if !losses.isEmpty {
            _ = socket.send(JournalMessages.entry(losses, origin: origin).bytes.span)
        }
        return losses
    }

    fileprivate var isStopping: Bool { queue.signal.isStopping }

    fileprivate func drain() { queue.signal.drain() }
}

/// The thread's state and its wait.
private struct JournalLoop: ~Copyable, @unchecked Sendable {
    // Sendable: moves to the thread once.
    var thread: JournalThread
    var poller: Poller

    mutating func run() -> PublicationLosses {
        var stopping: Instant?
        while true {
            // Asked before the queue is: what was put before the stop is seen then.
            let isStopping = thread.isStopping
            thread.drain()
            let isDone = thread.send()
            let now = SystemClock.monotonic()
            if isStopping {
                if isDone || JournalThread.isOver(since: stopping ?? now, now: now) { break }
                stopping = stopping ?? now
            } else {
                thread.recordLosses(now: now)
            }
            // A wait that fails makes for another turn, no more.
            _ = try? poller.wait(milliseconds: thread.pause(isDone: isDone))
        }
        return thread.finish()
    }
}

/// How the thread ended.
private final class JournalOutcome: Sendable {
    private let losses = Mutex(PublicationLosses())

    func end(_ all: PublicationLosses) { losses.withLock { $0 = all } }

    var all: PublicationLosses { losses.withLock { $0 } }
}

/// The journal's thread while it runs.
public struct RunningJournal: ~Copyable, Sendable {
    private let thread: PinnedThread
    private let queue: PublicationQueue
    private let outcome: JournalOutcome

    fileprivate init(
        thread: consuming PinnedThread, queue: PublicationQueue, outcome: JournalOutcome
    ) {
        self.thread = thread
        self.queue = queue
        self.outcome = outcome
    }

    /// Sends what waits, for two seconds at most, and ends the thread. After the writer has ended.
    ///
    /// - Returns: What could not be sent since the start.
    public consuming func stop() -> PublicationLosses {
        queue.signal.stop()
        thread.join()
        return outcome.all
    }
}
