import AuditRecords
import Authentication
import Crypto
import LinuxIO
import Primitives
import RateLimiting
import RequestFlow
import Settings

extension Settings {
    /// The snapshot that workers judge and forward by, its counters empty.
    ///
    /// - Parameter bound: Where each listener really listens: redirects name a port that the kernel
    ///   may have chosen.
    func proxySettings(bound: [ListenerSet.Bound]) -> ProxySettings {
        // The secret keeps attackers from choosing subjects that share a slot.
        let table = LimitTable(
            slots: limitTableSlots, secret: (RandomBytes.number(), RandomBytes.number()))
        return ProxySettings(
            generation: authentication.generation, authentication: authentication,
            policy: policy, rateLimits: rateLimits, limitTable: table, upstreams: upstreams,
            connections: connections,
            listeners: listeners.map { listener in
                ProxySettings.Listener(
                    name: listener.name, trustedProxies: listener.trustedProxies,
                    isSecure: listener.tls != nil,
                    redirectPort: listener.redirectPort(bound.map(\.address.peer.port)),
                    strictTransport: listener.strictTransport?.fieldLine ?? [])
            },
            auditBoundMilliseconds: audit.boundMilliseconds, auditBoundRecords: audit.boundRecords,
            viaName: Array("sallyport-\(Settings.pseudonym())".utf8), privacy: audit.privacy,
            auditLevel: audit.level)
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
