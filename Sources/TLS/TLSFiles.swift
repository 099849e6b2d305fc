import Crypto

/// What the files of one certificate hold.
public struct CertificateBytes: Sendable {
    /// The PEM chain, the server's own certificate first.
    public var certificate: [UInt8]
    /// The PEM private key.
    public var key: SecretBytes
    /// The OCSP response in DER, when there is one.
    public var ocsp: [UInt8]?

    /// The files with these bytes.
    public init(certificate: [UInt8], key: SecretBytes, ocsp: [UInt8]? = nil) {
        self.certificate = certificate
        self.key = key
        self.ocsp = ocsp
    }
}

/// What the files of one listener's settings hold, read by whoever may read them.
public struct TLSServerFiles: Sendable {
    /// In the order of `TLSServerSettings.certificates`.
    public var certificates: [CertificateBytes]
    /// The PEM authorities that client certificates must lead to.
    public var clientAuthorities: [UInt8]?
    /// The PEM revocation lists for client certificates.
    public var clientRevocations: [UInt8]?

    /// The files with these bytes.
    public init(
        certificates: [CertificateBytes], clientAuthorities: [UInt8]? = nil,
        clientRevocations: [UInt8]? = nil
    ) {
        self.certificates = certificates
        self.clientAuthorities = clientAuthorities
        self.clientRevocations = clientRevocations
    }
}

/// What the files of one upstream's settings hold, read by whoever may read them.
public struct TLSClientFiles: Sendable {
    /// The PEM authorities that an endpoint's certificate must lead to; nil for the system's.
    public var authorities: [UInt8]?
    /// The certificate that the proxy shows, when it has one.
    public var certificate: CertificateBytes?

    /// The files with these bytes.
    public init(authorities: [UInt8]? = nil, certificate: CertificateBytes? = nil) {
        self.authorities = authorities
        self.certificate = certificate
    }
}
