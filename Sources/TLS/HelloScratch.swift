import Primitives

/// What the callbacks of the handshake call under way have learned about the peer. One per
/// worker: the engine moves it into the session right after the call.
struct HelloScratch: ~Copyable {
    /// The server name as the client sent it, at most 255 bytes.
    var serverName = ByteBuffer(capacity: 255)
    /// The client's JA4.
    var fingerprint = ByteBuffer(capacity: 64)
    /// The attributes of the peer's certificate, also of one that was refused.
    var details = ByteBuffer(capacity: PeerCertificate.limitBytes)
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
}
