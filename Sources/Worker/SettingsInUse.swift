import LinuxIO
import Primitives
import RequestFlow
import TLS
import Upstream

/// One generation of settings as a worker has it: requests that began under it end under it.
///
/// Listeners, upstreams and endpoints are numbered by each generation for itself. Connections stay
/// when settings change, so each generation knows which of the latest one's numbers are its own.
struct SettingsInUse: ~Copyable {
    let settings: ProxySettings
    /// Where endpoints' names lead.
    let endpoints: EndpointAddresses
    var addresses: [[[PeerAddress]]]
    var addressGeneration: UInt64
    /// The contexts that new sessions are made from; nil when nothing speaks TLS.
    var contexts: TLSContexts?
    var turns: RoundRobin
    /// The latest number of each listener whose connections go on; -1 for others.
    var listenerPlaces: [Int]
    /// The latest number of each endpoint among all endpoints; -1 for one that is gone.
    var endpointPlaces: [Int]

    init(
        _ settings: ProxySettings, endpoints: EndpointAddresses, contexts: TLSContexts?, worker: Int
    ) {
        self.settings = settings
        self.endpoints = endpoints
        self.contexts = contexts
        addressGeneration = endpoints.generation
        addresses = endpoints.snapshot()
        let counts = settings.upstreams.map(\.endpoints.count)
        turns = RoundRobin(endpointCounts: counts, offset: worker)
        listenerPlaces = Array(settings.listeners.indices)
        endpointPlaces = Array(0..<counts.reduce(0, +))
    }

    /// The latest number of the endpoint; -1 when it is gone.
    func flatPlace(upstream: Int, endpoint: Int) -> Int {
        endpointPlaces[turns.flatIndex(upstream: upstream, endpoint: endpoint)]
    }

    /// Takes the addresses that names lead to now.
    mutating func refreshAddresses() {
        let generation = endpoints.generation
        guard generation != addressGeneration else { return }
        addressGeneration = generation
        addresses = endpoints.snapshot()
    }

    /// Goes on with the numbers of an update behind what was the latest generation.
    mutating func renumber(_ update: SettingsUpdate) {
        for place in listenerPlaces.indices where listenerPlaces[place] >= 0 {
            listenerPlaces[place] = update.listenerPlaces[listenerPlaces[place]]
        }
        for place in endpointPlaces.indices where endpointPlaces[place] >= 0 {
            endpointPlaces[place] = update.endpointPlaces[endpointPlaces[place]]
        }
    }
}

/// Settings that a worker is to go on with.
public final class SettingsUpdate: Sendable {
    /// The new generation; an instance of this worker's own, so that workers share no count of
    /// references.
    public let settings: ProxySettings
    /// Where its endpoints' names lead.
    public let endpoints: EndpointAddresses
    /// Made with this worker's library; nil when nothing speaks TLS.
    public let contexts: TLSContexts?
    /// Sockets to listen on besides those kept, by their listeners' new numbers.
    public let added: [ListeningSocket]
    /// By the latest listener number: the new number of its socket, or -1 to close it.
    public let socketPlaces: [Int]
    /// By the latest listener number: the new number for its connections, or -1 to end them.
    public let listenerPlaces: [Int]
    /// By the latest number of an endpoint: its new number, or -1 when it is gone.
    public let endpointPlaces: [Int]
    /// Whether tokens are judged by other rules, so that none may be remembered.
    public let changesAuthentication: Bool

    /// An update of these parts.
    public init(
        settings: ProxySettings, endpoints: EndpointAddresses, contexts: TLSContexts?,
        added: [ListeningSocket], socketPlaces: [Int], listenerPlaces: [Int],
        endpointPlaces: [Int], changesAuthentication: Bool
    ) {
        self.settings = settings
        self.endpoints = endpoints
        self.contexts = contexts
        self.added = added
        self.socketPlaces = socketPlaces
        self.listenerPlaces = listenerPlaces
        self.endpointPlaces = endpointPlaces
        self.changesAuthentication = changesAuthentication
    }
}

/// What the next update will end: connections get their last answer first.
public struct SettingsRetirement: Sendable, Equatable {
    /// By the latest listener number: whether its connections end.
    public var connections: [Bool]
    /// By the latest listener number: whether its socket is closed.
    public var sockets: [Bool]
    /// Whether connections end on which the client has shown a certificate.
    public var certificates: Bool

    /// The end of these.
    public init(connections: [Bool], sockets: [Bool], certificates: Bool) {
        self.connections = connections
        self.sockets = sockets
        self.certificates = certificates
    }

    /// Whether anything ends.
    public var isEmpty: Bool {
        !certificates && !connections.contains(true) && !sockets.contains(true)
    }
}
