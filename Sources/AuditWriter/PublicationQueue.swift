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

    /// Nothing lost.
    public init() {}

    /// Whether nothing was lost.
    public var isEmpty: Bool { checkpoints == 0 && events == 0 }

    /// Adds what `other` counts.
    public mutating func add(_ other: PublicationLosses) {
        checkpoints += other.checkpoints
        events += other.events
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
/// event that finds no room is counted.
public final class PublicationQueue: Sendable {
    private struct State {
        var waiting: [Publication] = []
        var losses = PublicationLosses()
    }

    /// How the other thread hears of what waits.
    public let signal: HandoverSignal
    private let state = Mutex<State>(State())

    /// Most publications that wait.
    public static let capacity = 256

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

    /// All that wait, in order, and what was lost since the last call. The other thread.
    public func take() -> (publications: [Publication], losses: PublicationLosses) {
        state.withLock { state in
            let taken = (state.waiting, state.losses)
            state = State()
            return taken
        }
    }
}

/// Where the writer puts what the log says to the outside; nil where nobody listens.
public struct PublicationOutlets: Sendable {
    /// For journald: checkpoints and events.
    public var journal: PublicationQueue?
    /// For witnesses: the newest checkpoint.
    public var witnesses: LatestNote?

    /// Nobody listens.
    public init() {}
}
