import Primitives

/// When systemd's watchdog is fed, and which thread keeps it from being fed.
///
/// Pure: each thread counts the turns of its loop, and time is passed in. Asked threads are woken,
/// so that one that only waits for events makes a turn, too.
struct WatchdogState: Sendable, Equatable {
    /// What the control thread is to do.
    enum Action: Sendable, Equatable {
        case nothing
        /// Wake all threads: their next turn is awaited.
        case ask
        /// All have made a turn since they were asked.
        case feed
        /// These have not, for `lateNanoseconds`; said once.
        case late([Int])
    }

    /// Turns of each thread when they were asked; nil between two questions.
    private var asked: [UInt64]?
    private var since: Instant
    private let pauseNanoseconds: UInt64
    private let lateNanoseconds: UInt64
    /// Threads that were asked, and are late.
    private(set) var late: [Int] = []

    /// Nobody is asked yet.
    ///
    /// - Parameter interval: How often systemd wants to be told, in nanoseconds; nil when it does
    ///   not, so that only people are.
    init(interval: UInt64?, now: Instant) {
        let interval = max(interval ?? WatchdogState.ownInterval, 1_000_000)
        pauseNanoseconds = interval / 4
        lateNanoseconds = min(interval / 2, WatchdogState.ownInterval / 2)
        since = now
    }

    /// How often threads are asked in four when systemd does not ask.
    private static let ownInterval: UInt64 = 20_000_000_000

    /// Some time has passed; the threads have made `turns`.
    mutating func tick(turns: [UInt64], now: Instant) -> Action {
        guard let asked else {
            guard now.nanoseconds(since: since) >= pauseNanoseconds else { return .nothing }
            self.asked = turns
            since = now
            return .ask
        }
        let missing = turns.indices.filter { $0 >= asked.count || turns[$0] == asked[$0] }
        if missing.isEmpty {
            self.asked = nil
            since = now
            late = []
            return .feed
        }
        guard late.isEmpty, now.nanoseconds(since: since) >= lateNanoseconds else {
            return .nothing
        }
        late = missing
        return .late(missing)
    }
}
