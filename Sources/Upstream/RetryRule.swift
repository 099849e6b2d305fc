import HTTP

/// Whether a request may be sent again after its connection failed (RFC 9110 §9.2.2,
/// RFC 9112 §9.3.1).
public enum RetryRule {
    /// Whether to try once more.
    ///
    /// A request of which nothing was sent can't have been acted on. One that was sent may be
    /// repeated only when repeating it is harmless, when the connection had been idle (the far
    /// side closed it as we wrote), when no byte of an answer came, and when every byte that was
    /// sent is still there.
    ///
    /// - Parameters:
    ///   - sentBytes: Bytes of this request that the kernel has taken.
    ///   - isReplayable: Whether all bytes sent are still held.
    ///   - attempts: Connections that this request was already given.
    public static func permits(
        method: Method, sentBytes: Int, wasReused: Bool, isReplayable: Bool,
        hasAnswerBegun: Bool, attempts: Int, attemptLimit: Int
    ) -> Bool {
        guard !hasAnswerBegun, isReplayable, attempts < attemptLimit else { return false }
        return sentBytes == 0 || (wasReused && method.isIdempotent)
    }
}
