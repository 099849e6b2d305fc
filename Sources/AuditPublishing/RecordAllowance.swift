import Primitives

/// How many records may be sent to journald, which drops in silence what exceeds its rate limit,
/// checkpoints among it.
///
/// A bucket that fills with `perSecond` and holds as many as come in `windowSeconds`: in any such
/// time at most twice that many go out.
struct RecordAllowance: Sendable {
    /// Nanoseconds for one record; 0 for no limit.
    private let interval: UInt64
    /// When the bucket would be full again; in the past when it is.
    private var fullAt = Instant.zero

    /// The time that journald's own limit counts in, unless it is told otherwise.
    static let windowSeconds: UInt64 = 30

    /// So many a second; 0 for no limit.
    init(perSecond: UInt32) {
        interval = perSecond == 0 ? 0 : 1_000_000_000 / UInt64(perSecond)
    }

    /// Whether one may be sent now.
    func isOpen(now: Instant) -> Bool {
        let window = RecordAllowance.windowSeconds * 1_000_000_000
        return max(fullAt, now).advanced(nanoseconds: interval)
            <= now.advanced(nanoseconds: window)
    }

    /// One was sent.
    mutating func spend(now: Instant) {
        fullAt = max(fullAt, now).advanced(nanoseconds: interval)
    }
}
