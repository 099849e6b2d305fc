import AuditRecords
import Authentication
import Crypto
import RateLimiting
import RequestFlow
import Settings

extension Settings {
    /// The snapshot that workers judge and forward by, its counters empty.
    func proxySettings() -> ProxySettings {
        // The secret keeps attackers from choosing subjects that share a slot.
        let table = LimitTable(
            slots: limitTableSlots, secret: (RandomBytes.number(), RandomBytes.number()))
        return ProxySettings(
            generation: authentication.generation, authentication: authentication,
            policy: policy, rateLimits: rateLimits, limitTable: table, upstreams: upstreams,
            connections: connections,
            listeners: listeners.map {
                ProxySettings.Listener(name: $0.name, trustedProxies: $0.trustedProxies)
            },
            auditBoundMilliseconds: audit.boundMilliseconds, auditBoundRecords: audit.boundRecords,
            viaName: Array("sallyport-\(Settings.pseudonym())".utf8))
    }

    /// A name for `Via` that no other proxy has, so that only a real loop looks like one.
    private static func pseudonym() -> String {
        let digits = String(RandomBytes.number(), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
