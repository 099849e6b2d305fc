/// How one upstream's endpoints are spoken to over TLS.
public struct TLSClientSettings: Sendable, Equatable {
    /// The oldest version that is negotiated.
    public var minimumVersion = TLSVersion.tls12
    /// Path of the PEM authorities that the endpoint's certificate must lead to; nil for the
    /// system's.
    public var authorities: String?
    /// The name that the certificate must be for and that is asked for (SNI), when it is not the
    /// endpoint's own host.
    public var serverName: String?
    /// The certificate that the proxy shows, when it has one for this upstream.
    public var certificate: CertificateFiles?
    /// Whether any certificate at all is believed: whoever can answer at the endpoint's address
    /// is then trusted with every request.
    public var acceptsAnyCertificate = false

    /// The defaults: verified against the system's authorities.
    public init() {}

    /// Every file that is read and watched.
    public var paths: [String] {
        [authorities, certificate?.certificate, certificate?.key].compactMap { $0 }
    }
}
