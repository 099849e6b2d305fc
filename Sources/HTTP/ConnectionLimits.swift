/// How long and how much a client's connection may take; the settings' section `limits`.
///
/// Reaching one is a refusal with a reason, never a crash.
public struct ConnectionLimits: Sendable, Equatable {
    /// Bounds of a message's framing.
    public var http = HTTPLimits()
    /// Longest request body; nil for none.
    public var requestBodyBytes: Int64?
    /// From a head's first byte, or the connection's start, to its end.
    public var headMilliseconds: UInt32 = 10_000
    /// Longest pause between two requests of a connection.
    public var idleMilliseconds: UInt32 = 60_000
    /// Longest silence inside a body, and longest time in which a client takes no byte.
    public var bodyStallMilliseconds: UInt32 = 30_000
    /// Connections that one worker serves at a time.
    public var connectionsPerWorker = 10_000
    /// Requests after which a connection is closed.
    public var requestsPerConnection: UInt32 = 100_000
    /// How long a stop waits for requests under way.
    public var drainMilliseconds: UInt32 = 30_000
    /// How long a request waits for room in the audit ring before it is refused.
    public var auditWaitMilliseconds: UInt32 = 1000

    /// The defaults.
    public init() {}
}
