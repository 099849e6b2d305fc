import Primitives

/// What the callbacks of the handshake call under way have learned about the peer. One per
/// worker: the engine moves it into the session right after the call.
struct HelloScratch: ~Copyable {
    /// The server name as the client sent it, at most 255 bytes.
    var serverName = ByteBuffer(capacity: 255)
    /// The client's JA4.
    var fingerprint = ByteBuffer(capacity: 64)
    /// The attributes of the peer's certificate, also of one that was refused.
    var details = ByteBuffer(capacity: PeerCertificate.limitBytes + 64)
    /// Its SHA-256, when `hasCertificate`.
    var certificate = Digest256.zero
    /// Whether the peer sent a certificate in this call.
    var hasCertificate = false
    /// Whether a ClientHello came in this call.
    var hasHello = false
    /// Whether the server name was refused.
    var isNameRefused = false

    /// Forgets everything, for the next call.
    mutating func clear() {
        guard hasHello || hasCertificate || isNameRefused else { return }
        serverName.removeAll()
        fingerprint.removeAll()
        details.removeAll()
        hasCertificate = false
        hasHello = false
        isNameRefused = false
    }
    /// Takes in the server name that a ClientHello asks for; empty when it asks for none.
    mutating func take(serverName name: Span<UInt8>) {
        hasHello = true
        serverName.removeAll()
        serverName.write { $0.append(name.extracting(first: min(name.count, $0.room))) }
    }

    /// Takes in the peer's certificate, an `X509 *`.
    mutating func take(certificate peer: OpaquePointer) {
        details.removeAll()
        // Safe: the caller holds the certificate for the length of the call.
        certificate = details.write { unsafe PeerCertificate.describe(peer, into: &$0) }
        // Without memory for its digest it must not pass for another one: there is none then.
        hasCertificate = certificate != .zero
        if !hasCertificate { details.removeAll() }
    }
}
