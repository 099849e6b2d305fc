import AuditRecords
import Authentication
import Authorization
import Crypto
import LinuxIO
import Primitives
import RateLimiting
import RequestFlow
import Settings

extension Settings {
    /// The snapshot that workers judge and forward by.
    ///
    /// - Parameters:
    ///   - bound: Where each listener really listens: redirects name a port that the kernel may
    ///     have chosen.
    ///   - standing: What stays when settings change.
    func proxySettings(bound: [ListenerSet.Bound], _ standing: inout ProxyStanding) -> ProxySettings
    {
        ProxySettings(
            generation: authentication.generation, authentication: authentication,
            policy: policy, rateLimits: rateLimits, limitTable: standing.limitTable,
            upstreams: upstreams,
            connections: connections,
            listeners: listeners.map { listener in
                ProxySettings.Listener(
                    name: listener.name, trustedProxies: listener.trustedProxies,
                    isSecure: listener.tls != nil,
                    redirectPort: listener.redirectPort(bound.map(\.address.peer.port)),
                    strictTransport: listener.strictTransport?.fieldLine ?? [])
            },
            auditBoundMilliseconds: audit.boundMilliseconds, auditBoundRecords: audit.boundRecords,
            viaName: standing.viaName, privacy: audit.privacy,
            auditLevel: audit.level, auditMode: audit.mode,
            auditCommitMilliseconds: audit.commitMilliseconds,
            limitNumbers: standing.numbering.numbers(
                limits: rateLimits.map(\.name), issuers: authentication.issuers.map(\.name),
                routes: policy.routes.map(\.name)))
    }
}

/// What outlives every settings file.
struct ProxyStanding {
    /// The counters behind the rate limits.
    let limitTable: LimitTable
    /// What they are counted by.
    var numbering = LimitNumbering()
    /// This proxy's name in `Via`.
    let viaName: [UInt8]

    init(_ settings: Settings) {
        // The secret keeps attackers from choosing subjects that share a slot.
        limitTable = LimitTable(
            slots: settings.limitTableSlots, secret: (RandomBytes.number(), RandomBytes.number()))
        viaName = Array("sallyport-\(ProxyStanding.pseudonym())".utf8)
    }

    /// A name for `Via` that no other proxy has, so that only a real loop looks like one.
    private static func pseudonym() -> String {
        let digits = String(RandomBytes.number(), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ListenerSettings {
    /// The port that clients are sent on to, where the listeners have `ports`.
    fileprivate func redirectPort(_ ports: [UInt16]) -> UInt16? {
        switch redirectsToHTTPS {
        case .listener(let index): ports.indices.contains(index) ? ports[index] : nil
        case .port(let port): port
        case nil: nil
        }
    }
}
