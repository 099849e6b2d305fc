import Primitives

/// The generic cell rate algorithm (ITU-T I.371 annex A) on one number.
///
/// The number is the theoretical arrival time: the moment at which the whole budget will be there
/// again. It lies in the past when nothing is owed, so a key that is long silent needs no memory.
public enum GCRA {
    /// What a request at `now` does to the arrival time `arrival`, and what to answer.
    ///
    /// - Returns: The new arrival time, the same as `arrival` when the request is past the limit.
    @inlinable
    public static func step(
        arrival: UInt64, rule: LimitRule, now: Instant
    ) -> (arrival: UInt64, decision: LimitDecision) {
        let base = max(arrival, now.nanoseconds)
        // Within 63 bits: `now` counts from boot, and both spans are at most 366 days.
        let next = base &+ rule.emissionNanoseconds
        let owed = next &- now.nanoseconds
        guard owed <= rule.toleranceNanoseconds else {
            let decision = LimitDecision(
                outcome: .exceeded, remaining: 0,
                retryAfterNanoseconds: owed &- rule.toleranceNanoseconds,
                resetNanoseconds: base &- now.nanoseconds)
            return (arrival, decision)
        }
        let left = (rule.toleranceNanoseconds &- owed) / rule.emissionNanoseconds
        let decision = LimitDecision(
            outcome: .allowed, remaining: UInt32(truncatingIfNeeded: left),
            retryAfterNanoseconds: left > 0 ? 0 : retry(owed: owed, rule: rule),
            resetNanoseconds: owed)
        return (next, decision)
    }

    /// Nanoseconds until the next request fits, when none does now.
    @inlinable
    static func retry(owed: UInt64, rule: LimitRule) -> UInt64 {
        owed &+ rule.emissionNanoseconds &- rule.toleranceNanoseconds
    }
}
