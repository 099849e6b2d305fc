import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting
import Upstream

/// Everything that a worker needs to judge and forward requests: one immutable snapshot per
/// settings generation, shared by all workers.
public final class ProxySettings: Sendable {
    /// What a request's decision may depend on about the listener it came in by.
    public struct Listener: Sendable {
        /// The listener's name in the settings file.
        public let name: String
        /// Peers whose `Forwarded` and `X-Forwarded-*` fields are believed.
        public let trustedProxies: [AddressRange]

        /// A listener of that name.
        public init(name: String, trustedProxies: [AddressRange]) {
            self.name = name
            self.trustedProxies = trustedProxies
        }
    }

    /// Which settings these are.
    public let generation: SettingsGeneration
    /// Issuers and their keys.
    public let authentication: AuthenticationSettings
    /// Routes and their rules.
    public let policy: CompiledPolicy
    /// The rate limits that routes name by index.
    public let rateLimits: [RateLimit]
    /// Their numbers alone, for the request path.
    let limitRules: [LimitRule]
    /// Their names, as the RateLimit fields say them.
    let limitNames: [[UInt8]]
    /// What `Allow` says on a 405, by route.
    let allowedMethods: [[UInt8]]
    /// Issuers' names, for fields that a route sets.
    let issuerNames: [[UInt8]]
    /// The realm of the bearer challenge.
    let realm: [UInt8]
    /// The counters behind `rateLimits`, shared by all workers.
    public let limitTable: LimitTable
    /// The upstreams that routes name by index.
    public let upstreams: [UpstreamSettings]
    /// Bounds on connections, messages and waits.
    public let connections: ConnectionLimits
    /// The listeners by index.
    public let listeners: [Listener]
    /// How long a response may run ahead of its record's fsync, in nanoseconds.
    public let auditBoundNanoseconds: UInt64
    /// How many records of one worker may wait for their fsync.
    public let auditBoundRecords: UInt64
    /// This proxy's pseudonym in `Via` (RFC 9110 §7.6.3); unique, so that a loop is noticed.
    public let viaName: [UInt8]

    /// The snapshot of these parts.
    public init(
        generation: SettingsGeneration, authentication: AuthenticationSettings,
        policy: CompiledPolicy, rateLimits: [RateLimit], limitTable: LimitTable,
        upstreams: [UpstreamSettings], connections: ConnectionLimits, listeners: [Listener],
        auditBoundMilliseconds: UInt32, auditBoundRecords: UInt32, viaName: [UInt8]
    ) {
        self.generation = generation
        self.authentication = authentication
        self.policy = policy
        self.rateLimits = rateLimits
        self.limitTable = limitTable
        limitRules = rateLimits.map(\.rule)
        limitNames = rateLimits.map { Array($0.name.utf8) }
        allowedMethods = policy.routes.map { route in
            let names = route.methods.isAny ? Method.forwardable : route.methods.names
            return Array(names.joined(separator: ", ").utf8)
        }
        issuerNames = authentication.issuers.map { Array($0.name.utf8) }
        realm = Array(authentication.realm.utf8)
        self.upstreams = upstreams
        self.connections = connections
        self.listeners = listeners
        auditBoundNanoseconds = UInt64(auditBoundMilliseconds) * 1_000_000
        self.auditBoundRecords = UInt64(auditBoundRecords)
        self.viaName = viaName
    }
}

extension Method {
    /// The methods that a route for any method takes, as far as they have names.
    static var forwardable: [String] {
        [Method.get, .head, .post, .put, .patch, .delete, .options].map { "\($0.name)" }
    }
}
