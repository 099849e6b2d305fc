import Primitives
import Synchronization

/// What the audit writer tells the workers: how far their records are durable.
///
/// The writer's thread stores, any thread loads. Nothing here is a promise about records that are
/// pushed but not published.
@safe
public final class AuditStatus: Sendable {
    private let untilNanoseconds = Atomic<UInt64>(0)
    private let currentHealth = Atomic<UInt8>(AuditHealth.healthy.rawValue)
    /// When the write and sync began that the writer waits for; 0 when it waits for none.
    private let commitNanoseconds = Atomic<UInt64>(0)
    /// How full the log's file system is, in percent, and whether that is more than it should be.
    private let diskPercent = Atomic<UInt8>(0)
    private let diskLow = Atomic<Bool>(false)
    private let turnCount = Atomic<UInt64>(0)
    /// Writes with their syncs: how many, how long together, how many bytes.
    private let commitCount = Atomic<UInt64>(0)
    private let commitTotal = Atomic<UInt64>(0)
    private let writtenBytes = Atomic<UInt64>(0)
    private let checkpointNanoseconds = Atomic<UInt64>(0)
    private let size = Atomic<UInt64>(0)
    private let checkpoint = Atomic<UInt64>(0)
    // Sendable: each is an atomic of its own, on its own cache line.
    private nonisolated(unsafe) let records: UnsafeMutablePointer<Atomic<UInt64>>
    /// How many workers there are.
    public let workerCount: Int
    /// Atomics between those of two workers: two pairs of cache lines.
    private static let spacing = 32
    /// Atomics between what the writer and what the worker stores.
    private static let line = 16

    /// A write and its sync that take longer than this are a stalled disk. Healthy ones take some
    /// milliseconds, and some hundreds behind a full queue of others.
    public static let stallNanoseconds: UInt64 = 2_000_000_000

    /// A status of `workerCount` workers, nothing durable yet.
    public init(workerCount: Int) {
        precondition(workerCount > 0)
        self.workerCount = workerCount
        let count = workerCount * AuditStatus.spacing
        unsafe records = .allocate(capacity: count)
        for index in 0..<count {
            unsafe (records + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe records.deinitialize(count: workerCount * AuditStatus.spacing)
        unsafe records.deallocate()
    }

    /// Every record that was published before this moment is durable.
    public var durableUntil: Instant {
        // Pairs with the releasing store in `publishDurable`.
        Instant(nanoseconds: untilNanoseconds.load(ordering: .acquiring))
    }

    /// How many of the records that `worker` pushed are durable, counted as
    /// `RingProducer.pushedCount` is.
    public func durableRecords(worker: Int) -> UInt64 {
        precondition(worker >= 0 && worker < workerCount)
        // Safe: initialised in init. Pairs with the releasing store in `publishDurable(worker:)`.
        return unsafe records[worker * AuditStatus.spacing].load(ordering: .acquiring)
    }

    /// The last sequence number that `worker` said it took; 0 when it said none.
    public func lastSequence(worker: Int) -> UInt64 {
        precondition(worker >= 0 && worker < workerCount)
        // Safe: initialised in init, on the cache line after the worker's other number.
        return unsafe records[worker * AuditStatus.spacing + AuditStatus.line].load(
            ordering: .relaxed)
    }

    /// Says which sequence number the worker took last. Its own thread, once per loop turn.
    ///
    /// What the writer has not seen up to there when everything has stopped is a gap.
    public func publishSequence(worker: Int, last: UInt64) {
        precondition(worker >= 0 && worker < workerCount)
        // Safe: as above. It orders nothing: the writer asks after the worker's thread has ended.
        unsafe records[worker * AuditStatus.spacing + AuditStatus.line].store(
            last, ordering: .relaxed)
    }

    /// Says which of its records, counted as `RingProducer.pushedCount` is, the worker waits for:
    /// the last of them. Its own thread, before it publishes that record in its ring, so that a
    /// writer that drains the record knows of the wait.
    public func publishAwaited(worker: Int, records count: UInt64) {
        precondition(worker >= 0 && worker < workerCount)
        // Safe: as above, beside the worker's last number. What makes it seen is the publication
        // of the ring, which the writer acquires in RingConsumer.refresh.
        unsafe records[worker * AuditStatus.spacing + AuditStatus.line + 1].store(
            count, ordering: .relaxed)
    }

    /// Whether the writer has stopped for good: nothing more becomes durable, refuse requests.
    public var hasFailed: Bool {
        health == .failed
    }

    /// How the log is doing, as the writer's thread said it last. Any thread.
    ///
    /// A writer that waits for its disk can't say so: `health(at:)` sees it.
    public var health: AuditHealth {
        // Pairs with the releasing stores in `publish(health:)` and `publishFailure`.
        AuditHealth(rawValue: currentHealth.load(ordering: .acquiring)) ?? .failed
    }

    /// How the log is doing at `now`: `stalled` also while the writer's thread is held up. Any
    /// thread.
    public func health(at now: Instant) -> AuditHealth {
        let said = health
        guard said == .healthy || said == .signerUnavailable else { return said }
        let began = commitNanoseconds.load(ordering: .relaxed)
        guard began > 0, now.nanoseconds > began else { return said }
        return now.nanoseconds - began > AuditStatus.stallNanoseconds ? .stalled : said
    }

    /// How full the log's file system is, in percent; 0 until the writer has looked. Any thread.
    public var diskUsedPercent: Int { Int(diskPercent.load(ordering: .relaxed)) }

    /// Whether the log's file system is fuller than the settings want it to be. Any thread.
    public var isDiskLow: Bool { diskLow.load(ordering: .relaxed) }

    /// How many turns the writer's thread has made: it makes several a second unless it hangs, or
    /// waits for its disk. Any thread.
    public var turns: UInt64 { turnCount.load(ordering: .relaxed) }

    /// Entries of the tree that are durable.
    public var durableSize: UInt64 { size.load(ordering: .acquiring) }

    /// Entries under the last checkpoint that was published.
    public var checkpointSize: UInt64 { checkpoint.load(ordering: .acquiring) }

    /// Says that everything published before `moment` is durable. The writer's thread.
    public func publishDurable(until moment: Instant) {
        // Pairs with the acquiring load in `durableUntil`.
        untilNanoseconds.store(moment.nanoseconds, ordering: .releasing)
    }

    /// Says that the first `count` records pushed by `worker` are durable. The writer's thread.
    ///
    /// - Returns: Whether the worker waits for one that was not durable before.
    @discardableResult
    public func publishDurable(worker: Int, records count: UInt64) -> Bool {
        precondition(worker >= 0 && worker < workerCount)
        let place = worker * AuditStatus.spacing
        // Safe: initialised in init; only this thread stores the first. Pairs with the acquiring
        // load in `durableRecords`.
        let before = unsafe records[place].load(ordering: .relaxed)
        unsafe records[place].store(count, ordering: .releasing)
        return unsafe records[place + AuditStatus.line + 1].load(ordering: .relaxed) > before
    }

    /// Counts a turn. The writer's thread, the only one that stores.
    public func publishTurn() {
        turnCount.store(turnCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Says how large the durable tree is. The writer's thread.
    public func publishDurable(size count: UInt64) {
        size.store(count, ordering: .releasing)
    }

    /// Says how large the tree under the published checkpoint is. The writer's thread.
    public func publishCheckpoint(size count: UInt64) {
        checkpoint.store(count, ordering: .releasing)
    }

    /// Says that nothing more becomes durable. It can't be taken back. The writer's thread, or
    /// one that knows that it has ended.
    public func publishFailure() {
        // Pairs with the acquiring load in `health`.
        currentHealth.store(AuditHealth.failed.rawValue, ordering: .releasing)
    }

    /// Says how the log is doing; after `failed` nothing else counts. The writer's thread.
    public func publish(health: AuditHealth) {
        guard !hasFailed else { return }
        // Pairs with the acquiring load in `health`.
        currentHealth.store(health.rawValue, ordering: .releasing)
    }

    /// Says how full the log's file system is. The writer's thread.
    public func publishDisk(usedPercent: Int, isLow: Bool) {
        // Orders nothing: each number stands for itself.
        diskPercent.store(UInt8(clamping: usedPercent), ordering: .relaxed)
        diskLow.store(isLow, ordering: .relaxed)
    }

    /// Says that a write and its sync begin at `moment`. The writer's thread.
    public func publishCommitBegan(at moment: Instant) {
        // Orders nothing: whoever looks compares it with the clock alone.
        commitNanoseconds.store(moment.nanoseconds, ordering: .relaxed)
    }

    /// Says that the write and its sync have returned, well or not. The writer's thread.
    public func publishCommitEnded() {
        commitNanoseconds.store(0, ordering: .relaxed)
    }

    /// Counts a write of `bytes` and its sync, which took so long together. The writer's thread.
    public func countCommit(nanoseconds: UInt64, bytes: Int) {
        // Orders nothing, and only this thread stores: each number stands for itself.
        commitCount.store(commitCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        commitTotal.store(commitTotal.load(ordering: .relaxed) &+ nanoseconds, ordering: .relaxed)
        writtenBytes.store(
            writtenBytes.load(ordering: .relaxed) &+ UInt64(bytes), ordering: .relaxed)
    }

    /// Writes with their syncs since the start: how many, how long they took together, and how
    /// many bytes they wrote. Any thread.
    public var commits: (count: UInt64, nanoseconds: UInt64, bytes: UInt64) {
        (
            commitCount.load(ordering: .relaxed), commitTotal.load(ordering: .relaxed),
            writtenBytes.load(ordering: .relaxed)
        )
    }

    /// When the last checkpoint was published; zero when none was since the start. Any thread.
    public var checkpointed: Instant {
        Instant(nanoseconds: checkpointNanoseconds.load(ordering: .relaxed))
    }

    /// Says that a checkpoint was published at `moment`. The writer's thread.
    public func publishCheckpoint(at moment: Instant) {
        checkpointNanoseconds.store(moment.nanoseconds, ordering: .relaxed)
    }
}
