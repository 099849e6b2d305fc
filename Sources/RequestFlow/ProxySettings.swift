import AuditRecords
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
        /// Whether its connections are TLS.
        public let isSecure: Bool
        /// The port of the TLS listener that every request is sent on to instead of being served;
        /// nil when requests are served.
        public let redirectPort: UInt16?
        /// The whole `Strict-Transport-Security` field line with its CRLF (RFC 6797 §6.1), for all
        /// answers; empty for none.
        public let strictTransport: [UInt8]

        /// A listener of that name; plain, and serving requests, unless it says otherwise.
        ///
        /// A plain listener says no `strictTransport`: it must not (RFC 6797 §7.2).
        public init(
            name: String, trustedProxies: [AddressRange], isSecure: Bool = false,
            redirectPort: UInt16? = nil, strictTransport: [UInt8] = []
        ) {
            precondition(isSecure || strictTransport.isEmpty)
            precondition(!isSecure || redirectPort == nil)
            self.name = name
            self.trustedProxies = trustedProxies
            self.isSecure = isSecure
            self.redirectPort = redirectPort
            self.strictTransport = strictTransport
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
    /// Where each listener sends its requests on to; 0 for one that serves them.
    let redirectPorts: [UInt16]
    /// The field line that each listener's answers carry.
    let strictTransport: [[UInt8]]
    /// Whether each listener speaks TLS.
    private let secureListeners: [Bool]
    /// Issuers' names, for fields that a route sets.
    let issuerNames: [[UInt8]]
    /// The realm of the bearer challenge.
    let realm: [UInt8]
    /// The counters behind `rateLimits`, shared by all workers.
    public let limitTable: LimitTable
    /// What is counted there, and by which numbers.
    public let limitNumbers: LimitNumbers
    /// The upstreams that routes name by index.
    public let upstreams: [UpstreamSettings]
    /// Bounds on connections, messages and waits.
    public let connections: ConnectionLimits
    /// The listeners by index.
    public let listeners: [Listener]
    /// What the log promises about requests that match no route.
    public let auditMode: AuditMode
    /// Whether any request may go on without its record.
    public let hasBestEffort: Bool
    /// How long a strict request waits until its record is durable, in nanoseconds.
    public let auditCommitNanoseconds: UInt64
    /// How long a response may run ahead of its record's fsync, in nanoseconds.
    public let auditBoundNanoseconds: UInt64
    /// How many records of one worker may wait for their fsync.
    public let auditBoundRecords: UInt64
    /// What records may hold.
    let privacy: RecordPrivacy
    /// This proxy's pseudonym in `Via` (RFC 9110 §7.6.3); unique, so that a loop is noticed.
    public let viaName: [UInt8]

    /// The snapshot of these parts.
    public init(
        generation: SettingsGeneration, authentication: AuthenticationSettings,
        policy: CompiledPolicy, rateLimits: [RateLimit], limitTable: LimitTable,
        upstreams: [UpstreamSettings], connections: ConnectionLimits, listeners: [Listener],
        auditBoundMilliseconds: UInt32, auditBoundRecords: UInt32, viaName: [UInt8],
        privacy: PrivacySettings = PrivacySettings(), auditLevel: AuditLevel = .metadata,
        auditMode: AuditMode = .bounded, auditCommitMilliseconds: UInt32 = 5000,
        limitNumbers: LimitNumbers? = nil
    ) {
        self.generation = generation
        self.authentication = authentication
        self.policy = policy
        self.rateLimits = rateLimits
        self.limitTable = limitTable
        limitRules = rateLimits.map(\.rule)
        limitNames = rateLimits.map { Array($0.name.utf8) }
        var numbering = LimitNumbering()
        self.limitNumbers =
            limitNumbers
            ?? numbering.numbers(
                limits: rateLimits.map(\.name), issuers: authentication.issuers.map(\.name),
                routes: policy.routes.map(\.name))
        allowedMethods = policy.routes.map { route in
            let names = route.methods.isAny ? Method.forwardable : route.methods.names
            return Array(names.joined(separator: ", ").utf8)
        }
        redirectPorts = listeners.map { $0.redirectPort ?? 0 }
        strictTransport = listeners.map(\.strictTransport)
        secureListeners = listeners.map(\.isSecure)
        issuerNames = authentication.issuers.map { Array($0.name.utf8) }
        realm = Array(authentication.realm.utf8)
        self.upstreams = upstreams
        self.connections = connections
        self.listeners = listeners
        auditBoundNanoseconds = UInt64(auditBoundMilliseconds) * 1_000_000
        self.auditBoundRecords = UInt64(auditBoundRecords)
        self.viaName = viaName
        self.privacy = RecordPrivacy(privacy, level: auditLevel, routes: policy.routes)
        self.auditMode = auditMode
        auditCommitNanoseconds = UInt64(auditCommitMilliseconds) * 1_000_000
        hasBestEffort =
            auditMode == .bestEffort
            || policy.routes.contains { $0.auditMode == AuditMode.bestEffort.rawValue }
    }

    /// What the log promises about requests of `route`.
    public func auditMode(of route: Int) -> AuditMode {
        AuditMode(rawValue: policy.auditMode(of: route)) ?? .strict
    }

    /// How much the record of a request holds that matched `route`; -1 is none.
    public func auditLevel(of route: Int) -> AuditLevel { privacy.plan(of: route).level }

    /// How much text records hold under these settings.
    public var recordLimits: RecordLimits {
        var limits = RecordLimits()
        limits.bodyBytes = privacy.bodyBytes
        return limits
    }

    /// Whether any route's records say something of bodies.
    public var watchesBodies: Bool { privacy.watchesBodies }

    /// Takes out of `facts` what the settings keep from its record: all addresses at level none,
    /// and the host's part of them where addresses are truncated.
    public func reduce(_ facts: inout RecordFacts) {
        if facts.level == AuditLevel.none.rawValue {
            facts.peer = .unknown
            facts.client = .unknown
        } else if privacy.truncatesAddresses {
            facts.peer = facts.peer.truncated
            facts.client = facts.client.truncated
        }
    }

    /// Whether the `listener`th listener speaks TLS.
    func isSecure(_ listener: UInt16) -> Bool { secureListeners[Int(listener)] }
}

extension Method {
    /// The methods that a route for any method takes, as far as they have names.
    static var forwardable: [String] {
        [Method.get, .head, .post, .put, .patch, .delete, .options].map { "\($0.name)" }
    }
}
