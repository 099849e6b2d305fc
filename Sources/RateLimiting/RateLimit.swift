/// What a rate limit counts by.
public enum LimitKey: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The authenticated subject, per issuer.
    case subject = 1
    /// The client's address; an IPv6 address by its /64, which is what one subscriber holds.
    case clientAddress
    /// The route, for all its clients together.
    case route
}

/// A named rate limit of the settings file.
public struct RateLimit: Sendable, Equatable {
    /// Its name in the settings file and in the log.
    public var name: String
    /// What it counts by.
    public var key: LimitKey
    /// Nanoseconds in which one request's worth of budget comes back.
    public var emissionNanoseconds: UInt64
    /// Requests that may come at once after a pause.
    public var burst: UInt32

    /// Longest time in which a spent budget may come back whole: 366 days.
    public static let longestRefillNanoseconds: UInt64 = 366 * 86_400 * 1_000_000_000

    /// The limit `name`: one request per `emissionNanoseconds`, `burst` at once.
    public init(name: String, key: LimitKey, emissionNanoseconds: UInt64, burst: UInt32) {
        self.name = name
        self.key = key
        self.emissionNanoseconds = emissionNanoseconds
        self.burst = burst
    }

    /// The numbers alone, for the request path: no reference, so no reference counting.
    @inlinable
    public var rule: LimitRule {
        LimitRule(key: key, emissionNanoseconds: emissionNanoseconds, burst: burst)
    }
}

/// The numbers of a `RateLimit`.
public struct LimitRule: Sendable, Equatable, BitwiseCopyable {
    /// What the limit counts by.
    public let key: LimitKey
    /// Nanoseconds in which one request's worth of budget comes back; at least 1.
    public let emissionNanoseconds: UInt64
    /// Nanoseconds in which a spent budget comes back whole.
    public let toleranceNanoseconds: UInt64

    /// One request per `emissionNanoseconds`, `burst` at once; both are raised to at least 1, and
    /// the burst is cut to what comes back within `RateLimit.longestRefillNanoseconds`.
    @inlinable
    public init(key: LimitKey, emissionNanoseconds: UInt64, burst: UInt32) {
        let longest = RateLimit.longestRefillNanoseconds
        let emission = min(max(emissionNanoseconds, 1), longest)
        self.key = key
        self.emissionNanoseconds = emission
        let (product, overflow) = emission.multipliedReportingOverflow(by: UInt64(max(burst, 1)))
        toleranceNanoseconds = overflow ? longest : min(product, longest)
    }
}

/// What the table said about one request.
public enum LimitOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The request is within the limit and was counted.
    case allowed
    /// The request is past the limit and was not counted.
    case exceeded
    /// The table has no room for this key, so nothing can be counted: refuse.
    case tableFull
}

/// The outcome, and the numbers for the `RateLimit` and `Retry-After` fields.
public struct LimitDecision: Sendable, Equatable, BitwiseCopyable {
    /// Whether the request may go on.
    public let outcome: LimitOutcome
    /// Requests that would still be allowed at this moment.
    public let remaining: UInt32
    /// Nanoseconds until one request is allowed again; 0 when one is now.
    public let retryAfterNanoseconds: UInt64
    /// Nanoseconds until the whole burst is there again.
    public let resetNanoseconds: UInt64

    /// A decision of these numbers.
    @inlinable
    public init(
        outcome: LimitOutcome, remaining: UInt32, retryAfterNanoseconds: UInt64,
        resetNanoseconds: UInt64
    ) {
        self.outcome = outcome
        self.remaining = remaining
        self.retryAfterNanoseconds = retryAfterNanoseconds
        self.resetNanoseconds = resetNanoseconds
    }
}
