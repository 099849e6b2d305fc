import Primitives

/// How the process ends: what to do at a signal, and when waiting is over.
///
/// Pure: time is passed in, and the control thread carries the actions out.
public struct ShutdownState: Sendable, Equatable {
    /// What the control thread is to do.
    public enum Action: Sendable, Equatable {
        case nothing
        /// Ask all workers to take nothing new and to end when their requests have.
        case drain
        /// Ask all workers to end now.
        case stop
        /// All workers have ended: stop the writer and end the process.
        case finish
        /// A worker ended that nobody asked to: the process can't go on.
        case fail
    }

    private enum State: Equatable {
        case serving
        case draining(deadline: Instant)
        case stopping
    }

    private var state = State.serving
    private let drainMilliseconds: UInt32

    /// Serving; a drain may take `drainMilliseconds`.
    public init(drainMilliseconds: UInt32) {
        self.drainMilliseconds = drainMilliseconds
    }

    /// Whether a stop has been asked for.
    public var isEnding: Bool { state != .serving }

    /// The operator asked for a stop; a second time, for one at once.
    public mutating func stopAsked(now: Instant) -> Action {
        switch state {
        case .serving:
            state = .draining(
                deadline: now.advanced(nanoseconds: UInt64(drainMilliseconds) * 1_000_000))
            return .drain
        case .draining:
            state = .stopping
            return .stop
        case .stopping:
            return .nothing
        }
    }

    /// Some time has passed; `finished` of `workers` workers have ended.
    public mutating func tick(finished: Int, workers: Int, now: Instant) -> Action {
        switch state {
        case .serving:
            return finished > 0 ? .fail : .nothing
        case .draining(let deadline):
            if finished == workers { return .finish }
            guard now >= deadline else { return .nothing }
            state = .stopping
            return .stop
        case .stopping:
            return finished == workers ? .finish : .nothing
        }
    }
}
