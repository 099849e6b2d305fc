import Authorization
import Primitives

/// What a connection's TLS says about all of its requests; made once, when it is established.
public struct TransportFacts: BitwiseCopyable, Sendable, Equatable {
    /// Whether the connection is TLS.
    public var isSecure = false
    /// Whether the client showed a certificate, and it was verified.
    public var hasCertificate = false
    /// SHA-256 of that certificate.
    public var certificate = Digest256.zero
    /// Which of the policy's patterns it matches.
    public var matches = CertificateSet()

    /// A connection without TLS.
    @inlinable
    public init() {}

    /// A TLS connection whose client showed no certificate.
    @inlinable
    public static var secure: TransportFacts {
        var facts = TransportFacts()
        facts.isSecure = true
        return facts
    }

    /// A TLS connection whose client showed the certificate with this SHA-256.
    ///
    /// - Parameter matches: `CompiledPolicy.certificates(matching:sha256:)` of it.
    @inlinable
    public init(certificate: Digest256, matches: CertificateSet) {
        isSecure = true
        hasCertificate = true
        self.certificate = certificate
        self.matches = matches
    }
}
