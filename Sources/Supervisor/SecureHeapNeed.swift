import HTTP
import Settings
import TLS

extension Settings {
    /// What the keys of a process with these settings need of the secure heap, in bytes.
    ///
    /// OpenSSL fails handshakes once it is full, so everything is counted at its most: its random
    /// generators, the private keys of each worker in several generations (old ones live as long as
    /// a connection that uses them), and one ephemeral key per connection, which OpenSSL 3.0 keeps
    /// as long as the connection (32 bytes with X25519 or P-256).
    func secureHeapBytes(workerCount: Int) -> Int {
        let perProcess = 256 << 10
        let perWorker = 64 << 10
        let perKey = 8 << 10
        let generations = 16
        let perConnection = 64
        let places = tlsPlaces
        // Room for those that a reload adds.
        let keys = places.reduce(0) { $0 + $1.keyCount } * 2 + 4
        // A client's connection, and the upstream connection behind it.
        let connections = places.isEmpty ? 0 : connections.connectionsPerWorker * 2
        return perProcess
            + workerCount * (perWorker + keys * perKey * generations + connections * perConnection)
    }
}

extension TLSPlace {
    /// How many private keys it has.
    fileprivate var keyCount: Int {
        switch side {
        case .listener(let settings): settings.certificates.count
        case .upstream(let settings, _): settings.certificate == nil ? 0 : 1
        }
    }
}

extension ListenerSettings {
    /// What is said of it behind its address.
    var kind: String {
        if tls != nil { return ", TLS" }
        return redirectsToHTTPS == nil ? "" : ", redirects to https"
    }
}
