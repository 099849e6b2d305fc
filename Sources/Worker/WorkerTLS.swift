import TLS

/// What a worker speaks TLS with from its start; later contexts and keys come through
/// `WorkerControl`.
public struct WorkerTLS: Sendable {
    /// The worker's own, used by its thread; contexts that it is given later are made with it.
    public let library: TLSLibrary
    /// For its listeners and upstreams.
    public let contexts: TLSContexts
    /// What session tickets are sealed with, the same for all workers.
    public let tickets: TicketKeys

    /// These parts.
    public init(library: TLSLibrary, contexts: TLSContexts, tickets: TicketKeys) {
        self.library = library
        self.contexts = contexts
        self.tickets = tickets
    }
}
