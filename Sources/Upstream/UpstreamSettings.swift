import Primitives

/// One address that an upstream is reached at.
public struct EndpointSettings: Sendable, Equatable {
    /// A host name or an address literal, without brackets.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// A named group of endpoints, and how long to wait for them.
public struct UpstreamSettings: Sendable, Equatable {
    public var name: String
    public var endpoints: [EndpointSettings]
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

    public init(name: String, endpoints: [EndpointSettings]) {
        self.name = name
        self.endpoints = endpoints
    }
}
