/// The files of one server certificate, as the settings name them.
public struct CertificateFiles: Sendable, Equatable {
    /// Path of the PEM chain, the server's own certificate first.
    public var certificate: String
    /// Path of the PEM private key.
    public var key: String
    /// Path of an OCSP response in DER to staple, when there is one (RFC 6066 §8).
    public var ocsp: String?

    /// The files at these paths.
    public init(certificate: String, key: String, ocsp: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.ocsp = ocsp
    }
}

/// Whether clients show certificates.
public enum ClientAuthentication: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// None is asked for.
    case off = 0
    /// One is asked for; whoever has none goes on without.
    case optional
    /// Whoever has none is refused.
    case require
}

/// What becomes of a client that names a server which no certificate is for.
public enum UnknownServerName: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// It gets the first certificate.
    case useDefault = 0
    /// Its handshake ends with the alert `unrecognized_name` (RFC 6066 §3).
    case refuse
}

/// Whether the kernel encrypts and decrypts.
public enum KernelTLS: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Never.
    case off = 0
    /// Where the kernel and the negotiated cipher allow it.
    case auto
}

/// How session tickets are made (RFC 5077, RFC 8446 §4.6.1).
public struct SessionTicketSettings: Sendable, Equatable {
    /// Whether sessions can be resumed at all.
    public var isEnabled = true
    /// How long a ticket is accepted, in seconds.
    public var lifetimeSeconds: UInt32 = 43_200
    /// How often the key that new tickets are sealed with changes, in seconds.
    public var rotationSeconds: UInt32 = 14_400

    /// The defaults: 12 hours, a new key every 4.
    public init() {}
}

/// How one listener speaks TLS.
public struct TLSServerSettings: Sendable, Equatable {
    /// The oldest version that is negotiated.
    public var minimumVersion = TLSVersion.tls12
    /// The certificates, chosen by the server name that the client asks for.
    public var certificates: [CertificateFiles]
    /// Path of the PEM authorities that client certificates must lead to.
    public var clientAuthorities: String?
    /// Path of the PEM revocation lists for client certificates; all of the chain is checked.
    public var clientRevocations: String?
    /// Whether clients show certificates.
    public var clientAuthentication = ClientAuthentication.off
    /// Most intermediate certificates between a client's and an authority.
    public var clientVerificationDepth = 3
    /// What becomes of a client that names an unknown server.
    public var unknownServerName = UnknownServerName.useDefault
    /// How long a handshake may take.
    public var handshakeMilliseconds: UInt32 = 10_000
    /// How sessions are resumed.
    public var tickets = SessionTicketSettings()
    /// Whether the kernel encrypts and decrypts.
    public var kernelTLS = KernelTLS.auto

    /// A listener with these certificates and every default.
    public init(certificates: [CertificateFiles]) {
        self.certificates = certificates
    }

    /// Every file that is read and watched, in the order of the settings.
    public var paths: [String] {
        certificates.flatMap { [$0.certificate, $0.key] + ($0.ocsp.map { [$0] } ?? []) }
            + [clientAuthorities, clientRevocations].compactMap { $0 }
    }
}
