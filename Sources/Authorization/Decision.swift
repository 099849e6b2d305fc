import Primitives

/// Which route a request belongs to.
public enum RouteMatch: Equatable, Sendable, BitwiseCopyable {
    /// The route of this number.
    case route(Int)
    /// No route matches.
    case noRoute
    /// Host and path match this route first, but no route's methods do.
    case methodRefused(Int)
}

/// Whether a principal may use a route, and why.
public struct Decision: Equatable, Sendable, BitwiseCopyable {
    /// No rule, or no role, decided.
    public static let noIndex: UInt16 = .max

    /// Whether the request may pass.
    public let isAllowed: Bool
    /// Why not; `none` when it may.
    public let reason: Reason
    /// Which of the route's rules allowed it.
    public let rule: UInt16
    /// Which role fulfilled the rule.
    public let role: UInt16

    /// A decision of these parts.
    @inlinable
    public init(isAllowed: Bool, reason: Reason, rule: UInt16, role: UInt16) {
        self.isAllowed = isAllowed
        self.reason = reason
        self.rule = rule
        self.role = role
    }
}

/// What a route does with a request that may pass, without references.
public enum RouteTarget: Equatable, Sendable, BitwiseCopyable {
    /// Forwards it to the upstream of this number.
    case upstream(Int)
    /// Answers it with this status; `CompiledPolicy.responseBody(of:)` has the rest.
    case respond(status: UInt16)
}

/// A piece of a field value, without references.
public enum HeaderPart: Equatable, Sendable, BitwiseCopyable {
    /// These bytes of the policy; see `CompiledPolicy.text(_:)`.
    case literal(ByteRange)
    /// What the request's own facts say.
    case variable(HeaderVariable)
}
