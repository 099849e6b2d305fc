import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting
import TLS
import Upstream

/// One place where clients connect.
public struct ListenerSettings: Sendable, Equatable {
    /// Its name in the settings file and in the log.
    public var name: String
    /// An address literal, without brackets; empty when systemd opens the socket.
    public var host: String
    /// The port; 0 lets the kernel choose.
    public var port: UInt16
    /// The name of the sockets that systemd passes (`FileDescriptorName=`); nil to open our own.
    public var socketName: String?
    /// Whose `Forwarded` and `X-Forwarded-*` fields are believed.
    public var trustedProxies: [AddressRange]
    /// How it speaks TLS; nil when it speaks HTTP in the clear.
    public var tls: TLSServerSettings?
    /// What it tells browsers about coming back without TLS; nil when it says nothing.
    public var strictTransport: StrictTransportSettings?
    /// Where it sends every client, if that is all that it does.
    public var redirectsToHTTPS: HTTPSRedirect?

    /// A listener of these values.
    public init(name: String, host: String, port: UInt16, trustedProxies: [AddressRange] = []) {
        self.name = name
        self.host = host
        self.port = port
        self.trustedProxies = trustedProxies
    }
}

/// Where health and metrics are asked for.
public struct MonitoringSettings: Sendable, Equatable {
    /// An address literal, without brackets; empty when systemd opens the socket.
    public var host: String
    /// The port; 0 lets the kernel choose.
    public var port: UInt16
    /// The name of the socket that systemd passes; nil to open our own.
    public var socketName: String?

    /// The address `host` and `port`.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// Everything that a settings file says, checked: one immutable snapshot.
public struct Settings: Sendable {
    /// Where clients connect.
    public var listeners: [ListenerSettings]
    /// Who is asking.
    public var authentication: AuthenticationSettings
    /// Routes, and who may use them.
    public var policy: CompiledPolicy
    /// The rate limits, by the numbers that routes use.
    public var rateLimits: [RateLimit]
    /// The upstreams, by the numbers that routes use.
    public var upstreams: [UpstreamSettings]
    /// How each upstream is spoken to over TLS; nil where it is spoken to in the clear.
    public var upstreamTLS: [TLSClientSettings?]
    /// The log.
    public var audit: AuditSettings
    /// Where health and metrics are asked for; nil when nowhere.
    public var monitoring: MonitoringSettings?
    /// How long and how much a connection may take.
    public var connections: ConnectionLimits
    /// Where administrators talk to the process; nil when they can't.
    public var admin: AdminSettings?
    /// Worker threads; nil for one per processor that the process may use.
    public var workers: Int?
    /// Slots of the rate limits' table.
    public var limitTableSlots: Int
    /// SHA-256 of the file's bytes.
    public var digest: Digest256
    /// What is allowed, but probably not meant; sorted by line.
    public var warnings: [SettingsProblem]

    /// The names behind the indices in audit records.
    public var recordNames: RecordNames {
        var names = RecordNames()
        names.listeners = listeners.map(\.name)
        names.routes = policy.routes.map(\.name)
        names.issuers = authentication.issuers.map(\.name)
        names.limits = rateLimits.map(\.name)
        names.roles = policy.roleNames
        names.upstreams = upstreams.map(\.name)
        names.endpoints = upstreams.map { upstream in
            upstream.endpoints.map { endpoint in
                let isIPv6 = endpoint.host.contains(":")
                let host = isIPv6 ? "[\(endpoint.host)]" : endpoint.host
                return "\(host):\(endpoint.port)"
            }
        }
        names.rules += audit.privacy.rules.map(\.name)
        names.settingsDigest = digest
        return names
    }
}
