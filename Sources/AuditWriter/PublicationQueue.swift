import AuditRecords
import LinuxIO
import Synchronization

/// What the log says to the outside: only what is durable, and in a frame.
public enum Publication: Sendable, Equatable {
    /// A signed checkpoint: the bytes of its note.
    case checkpoint(note: [UInt8])
    /// A leaf of the writer's own: a lifecycle event or a gap.
    case event(PublishedEvent)
}

/// A lifecycle event or a gap, as the log holds it.
public struct PublishedEvent: Sendable, Equatable {
    /// The event's word; `gap` for a gap.
    public var word: String
    /// Index of the leaf.
    public var index: UInt64
    /// The record's core: one line of JSON.
    public var core: [UInt8]

    /// An event that is the leaf `index`.
    public init(word: String, index: UInt64, core: [UInt8]) {
        self.word = word
        self.index = index
        self.core = core
    }
}

/// What found no room on its way out.
public struct PublicationLosses: Sendable, Equatable {
    /// Checkpoints.
    public var checkpoints: UInt64 = 0
    /// Lifecycle events and gaps.
    public var events: UInt64 = 0
    /// Records of requests.
    public var records: UInt64 = 0

    /// Nothing lost.
    public init() {}

    /// Whether nothing was lost.
    public var isEmpty: Bool { checkpoints == 0 && events == 0 && records == 0 }

    /// Adds what `other` counts.
    public mutating func add(_ other: PublicationLosses) {
        checkpoints += other.checkpoints
        events += other.events
        records += other.records
    }

    /// Counts `publication`.
    public mutating func count(_ publication: Publication) {
        switch publication {
        case .checkpoint: checkpoints += 1
        case .event: events += 1
        }
    }
}

/// Takes what the log says from the writer's thread to a thread that may wait for others.
///
/// The writer never waits: its lock is held for as long as an array changes hands. When the other
/// side is behind, the oldest checkpoints make room, for later ones say all that they said; an
/// event that finds no room is counted. Records have room of their own, so that they push out
/// neither, and are taken by themselves, so that nothing waits behind them.
public final class PublicationQueue: Sendable {
    private struct State {
        var waiting: [Publication] = []
        var records: [PublishedRecord] = []
        var recordBytes = 0
        var losses = PublicationLosses()
    }

    /// How the other thread hears of what waits.
    public let signal: HandoverSignal
    private let state = Mutex<State>(State())

    /// Most checkpoints and events that wait.
    public static let capacity = 256
    /// Most records that wait.
    public static let recordCapacity = 4096
    /// Most bytes of records that wait.
    public static let recordBytes = 8 << 20

    /// An empty queue.
    public init() throws(SystemError) {
        signal = try HandoverSignal()
    }

    /// Puts `publication` behind the others. The writer's thread; a system call.
    public func put(_ publication: Publication) {
        state.withLock { state in
            if state.waiting.count == PublicationQueue.capacity {
                let oldest = state.waiting.firstIndex {
                    if case .checkpoint = $0 { true } else { false }
                }
                guard let oldest else {
                    state.losses.count(publication)
                    return
                }
                state.losses.count(state.waiting.remove(at: oldest))
            }
            state.waiting.append(publication)
        }
        signal.announce()
    }

    /// Puts `records` behind the others, as far as there is room. The writer's thread; one system
    /// call for all.
    public func put(_ records: [PublishedRecord]) {
        state.withLock { state in
            for record in records {
                guard state.records.count < PublicationQueue.recordCapacity,
                    record.text.count <= PublicationQueue.recordBytes - state.recordBytes
                else {
                    state.losses.records += 1
                    continue
                }
                state.recordBytes += record.text.count
                state.records.append(record)
            }
        }
        signal.announce()
    }

    /// Counts `records` that were not even copied, for want of room. The writer's thread.
    func countLost(records: Int) {
        state.withLock { $0.losses.records += UInt64(records) }
        signal.announce()
    }

    /// How many more records would find room now. The writer's thread, the only one that puts.
    var recordRoom: Int {
        state.withLock {
            $0.recordBytes < PublicationQueue.recordBytes
                ? PublicationQueue.recordCapacity - $0.records.count : 0
        }
    }

    /// What was lost since the last call. The other thread.
    public func takeLosses() -> PublicationLosses {
        state.withLock { state in
            let losses = state.losses
            state.losses = PublicationLosses()
            return losses
        }
    }

    /// All checkpoints and events that wait, in order. The other thread.
    public func take() -> [Publication] {
        state.withLock { state in
            let taken = state.waiting
            state.waiting = []
            return taken
        }
    }

    /// All records that wait, in order. The other thread.
    public func takeRecords() -> [PublishedRecord] {
        state.withLock { state in
            let taken = state.records
            state.records = []
            state.recordBytes = 0
            return taken
        }
    }
}

/// Where the writer puts what the log says to the outside; nil where nobody listens.
public struct PublicationOutlets: Sendable {
    /// For journald: checkpoints and events.
    public var journal: PublicationQueue?
    /// Which records journald is told as well.
    public var journalRecords = JournalRecords.none
    /// For witnesses: the newest checkpoint.
    public var witnesses: LatestNote?

    /// Nobody listens.
    public init() {}
}
