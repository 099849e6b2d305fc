import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import Settings
import TLS
import Upstream
import Worker

/// What changes between two settings, in the numbers that workers go by.
///
/// Pure: what it says is carried out by `Reloader`.
struct ReloadPlan: Sendable, Equatable {
    /// By old listener: the new listener that takes its socket, or -1.
    let socketPlaces: [Int]
    /// By old listener: the new listener that takes its connections, or -1.
    let listenerPlaces: [Int]
    /// By old number of an endpoint among all endpoints: its new number, or -1.
    let endpointPlaces: [Int]
    /// The old listeners' names.
    let oldNames: [String]
    /// New listeners without a socket.
    let unbound: [Int]
    /// What is said of it to workers before.
    let retirement: SettingsRetirement
    /// Whether tokens are judged by other rules.
    let changesAuthentication: Bool

    /// What leads from `old` to `new`.
    init(from old: Settings, to new: Settings) {
        let sockets = old.listeners.map { listener in
            new.listeners.firstIndex { $0.socketKey == listener.socketKey } ?? -1
        }
        let listeners = old.listeners.map { listener in
            new.listeners.firstIndex { $0.keepsConnections(of: listener) } ?? -1
        }
        let newEndpoints = ReloadPlan.endpoints(new)
        oldNames = old.listeners.map(\.name)
        socketPlaces = sockets
        listenerPlaces = listeners
        endpointPlaces = ReloadPlan.endpoints(old).map { endpoint in
            newEndpoints.firstIndex(of: endpoint) ?? -1
        }
        unbound = new.listeners.indices.filter { !sockets.contains($0) }
        retirement = SettingsRetirement(
            connections: listeners.map { $0 < 0 }, sockets: sockets.map { $0 < 0 },
            certificates: old.policy.certificates != new.policy.certificates)
        changesAuthentication = old.authentication != new.authentication
    }

    /// An endpoint, and how it is spoken to.
    private struct Endpoint: Equatable {
        let upstream: String
        let host: String
        let port: UInt16
        let tls: TLSClientSettings?
    }

    private static func endpoints(_ settings: Settings) -> [Endpoint] {
        settings.upstreams.enumerated().flatMap { index, upstream in
            upstream.endpoints.map { endpoint in
                Endpoint(
                    upstream: upstream.name, host: endpoint.host, port: endpoint.port,
                    tls: settings.upstreamTLS.indices.contains(index)
                        ? settings.upstreamTLS[index] : nil)
            }
        }
    }

    /// The keys that differ and that the process takes from the file at its start only.
    static func restartKeys(from old: Settings, to new: Settings) -> [String] {
        var keys: [String] = []
        func compare<Value: Equatable>(_ key: String, _ value: (Settings) -> Value) {
            if value(old) != value(new) { keys.append(key) }
        }
        compare("workers") { $0.workers }
        compare("which sockets systemd opens") { settings in
            Set(settings.listeners.compactMap(\.socketName))
        }
        compare("metrics") { $0.monitoring }
        compare("admin") { $0.admin }
        compare("the memory for rate limits") { $0.limitTableSlots }
        compare("the number of connections") { $0.connections.connectionsPerWorker }
        compare("the size of request heads") { $0.connections.http.headBytes }
        // Workers set the room for a record's text aside.
        compare("whether records hold the text of bodies") { settings in
            let level = settings.audit.level
            return level == .body
                || settings.policy.routes.contains {
                    AuditLevel(rawValue: $0.auditLevel) ?? level == .body
                }
        }
        compare("audit.directory") { $0.audit.directory }
        compare("audit.origin") { $0.audit.originName }
        compare("audit.signing_key") { $0.audit.signingKeyPath }
        compare("audit.signer") { $0.audit.signerPath }
        compare("audit.recipients") { $0.audit.recipients }
        compare("audit.bound") { [$0.audit.boundMilliseconds, $0.audit.boundRecords] }
        compare("audit.checkpoint") { $0.audit.checkpointMilliseconds }
        compare("audit.rotate") { [$0.audit.rotateBytes, UInt64($0.audit.rotateSeconds)] }
        compare("audit.epoch") { $0.audit.epochSeconds }
        compare("audit.heartbeat") { $0.audit.heartbeatSeconds }
        compare("audit.ring") { $0.audit.ringBytes }
        compare("audit.journald") { $0.audit.journal }
        compare("audit.witnesses") { $0.audit.witnesses }
        compare("audit.witness_interval") { $0.audit.witnessMilliseconds }
        compare("audit.retain") { $0.audit.retention }
        compare("audit.privacy.subject") { $0.audit.privacy.subject }
        compare("audit.privacy.client_ip") { $0.audit.privacy.clientAddress }
        compare("audit.privacy.key_rotation") { $0.audit.privacy.keySeconds }
        compare("audit.privacy.keyring_key") { $0.audit.privacy.keyringKeyPath }
        // Whatever else of the log's settings is not known to be taken by workers alone.
        if keys.isEmpty {
            compare("audit") { settings in
                var audit = settings.audit
                audit.mode = old.audit.mode
                audit.level = old.audit.level
                audit.commitMilliseconds = old.audit.commitMilliseconds
                audit.privacy.query = old.audit.privacy.query
                audit.privacy.requestHeaders = old.audit.privacy.requestHeaders
                audit.privacy.responseHeaders = old.audit.privacy.responseHeaders
                audit.privacy.rules = old.audit.privacy.rules
                return audit
            }
        }
        return keys
    }
}

extension ListenerSettings {
    /// What a socket is known by: a port that the kernel chose goes with the listener's name.
    fileprivate var socketKey: String {
        if let socketName { return "systemd:\(socketName)" }
        return "\(port == 0 ? name : "") \(ListenerSet.text(host: host, port: port))"
    }

    /// Whether connections to `old` can go on as connections to this one: what TLS has verified is
    /// what this one asks for. Certificates of our own are for new handshakes.
    fileprivate func keepsConnections(of old: ListenerSettings) -> Bool {
        guard name == old.name, socketKey == old.socketKey else { return false }
        var before = old.tls
        var after = tls
        before?.certificates = []
        after?.certificates = []
        before?.tickets = SessionTicketSettings()
        after?.tickets = SessionTicketSettings()
        before?.handshakeMilliseconds = 0
        after?.handshakeMilliseconds = 0
        return before == after && redirectsToHTTPS == old.redirectsToHTTPS
    }
}
