import Primitives

/// One address that an upstream is reached at.
public struct EndpointSettings: Sendable, Equatable {
    /// A host name or an address literal, without brackets.
    public var host: String
    /// The TCP port.
    public var port: UInt16

    /// The endpoint at `host` and `port`.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// A named group of endpoints, and how long to wait for them.
public struct UpstreamSettings: Sendable, Equatable {
    /// The name in the settings file.
    public var name: String
    /// Where requests are sent, in turn.
    public var endpoints: [EndpointSettings]
    /// Whether all of them are spoken to over TLS.
    public var isSecure = false
    /// How long one connect may take.
    public var connectMilliseconds: UInt32 = 1000
    /// From the request's end to the response head's end.
    public var responseMilliseconds: UInt32 = 30_000
    /// Longest silence inside a response body.
    public var stallMilliseconds: UInt32 = 30_000
    /// How many further attempts a connect failure may cost.
    public var connectRetries: UInt8 = 1
    /// Idle connections kept per worker and endpoint.
    public var idleConnections: Int = 64
    /// How long an idle connection is kept.
    public var idleMilliseconds: UInt32 = 60_000

    /// The upstream `name` with every default.
    public init(name: String, endpoints: [EndpointSettings]) {
        self.name = name
        self.endpoints = endpoints
    }
}
