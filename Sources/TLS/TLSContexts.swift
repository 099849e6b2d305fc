/// One worker's contexts of one generation of settings and files.
public final class TLSContexts: Sendable {
    /// By listener; nil for one that speaks plain HTTP.
    public let servers: [TLSServerContext?]
    /// By upstream; nil for one that is spoken to in plain HTTP.
    public let clients: [TLSClientContext?]

    /// These contexts, all made with one worker's library.
    public init(servers: [TLSServerContext?], clients: [TLSClientContext?]) {
        self.servers = servers
        self.clients = clients
    }
}
