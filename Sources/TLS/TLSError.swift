/// What keeps a TLS library, or the contexts of a listener or an upstream, from being made.
///
/// The text names the file and what is wrong with it, never a byte of what it holds.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// OpenSSL could not make a library context: no memory, or a broken installation.
    case libraryUnavailable
    /// No provider offers an algorithm that is needed.
    case algorithmUnavailable
    /// OpenSSL had no memory, or none in its secure heap.
    case outOfMemory
    /// OpenSSL refused a setting that this version needs.
    case settingRefused
    /// A listener has no certificate.
    case certificatesMissing
    /// The files handed in are not those that the settings name.
    case filesIncomplete

    /// The file has no certificate in PEM.
    case certificateMissing(path: String)
    /// A certificate in the file can't be read.
    case certificateMalformed(path: String)
    /// The certificate's key is none of RSA of 2048 bits and more, P-256, P-384 and Ed25519.
    case certificateKeyUnsuitable(path: String)
    /// OpenSSL will not use the certificate or one of its chain, such as one signed with SHA-1.
    case certificateRefused(path: String)
    /// The file has no private key in PEM.
    case keyMissing(path: String)
    /// The private key can't be read.
    case keyMalformed(path: String)
    /// The private key is encrypted, and nobody is there to give a passphrase.
    case keyEncrypted(path: String)
    /// The private key is not the certificate's.
    case keyMismatch(certificate: String, key: String)

    /// The file has no authority in PEM.
    case authoritiesMissing(path: String)
    /// An authority in the file can't be read.
    case authoritiesMalformed(path: String)
    /// Clients are asked for certificates, and no authorities for them are named.
    case clientAuthoritiesUnnamed
    /// The system's authorities can't be used.
    case systemAuthoritiesUnavailable
    /// The file has no revocation list in PEM.
    case revocationsMissing(path: String)
    /// A revocation list in the file can't be read.
    case revocationsMalformed(path: String)

    /// The file is no OCSP response in DER.
    case ocspMalformed(path: String)
    /// The responder answered with an error instead of a status.
    case ocspUnsuccessful(path: String, status: Int)
    /// The response is for another certificate.
    case ocspOfOtherCertificate(path: String)
    /// The response is not signed by the certificate's issuer or by whom it names.
    case ocspSignatureInvalid(path: String)
    /// The response says that the certificate is revoked.
    case ocspRevoked(path: String)

    /// The name is neither a host name nor an address.
    case hostInvalid(host: String)

    /// What is wrong, and with what.
    public var description: String {
        switch self {
        case .libraryUnavailable: "OpenSSL can't be started"
        case .algorithmUnavailable: "OpenSSL lacks an algorithm that TLS needs"
        case .outOfMemory: "OpenSSL has no memory left, or none that is locked"
        case .settingRefused: "OpenSSL refuses a setting that TLS needs"
        case .certificatesMissing: "there is no certificate"
        case .filesIncomplete: "a file that the settings name was not read"
        case .certificateMissing(let path): "\(path) has no certificate in PEM"
        case .certificateMalformed(let path): "\(path) has a certificate that can't be read"
        case .certificateKeyUnsuitable(let path):
            "\(path) has a key that is none of RSA (2048 to 8192 bits), P-256, P-384 and Ed25519"
        case .certificateRefused(let path):
            "\(path) has a certificate that OpenSSL refuses, such as one signed with SHA-1"
        case .keyMissing(let path): "\(path) has no private key in PEM"
        case .keyMalformed(let path): "\(path) has a private key that can't be read"
        case .keyEncrypted(let path): "\(path) is encrypted; only plain private keys are read"
        case .keyMismatch(let certificate, let key):
            "the private key in \(key) is not that of the certificate in \(certificate)"
        case .authoritiesMissing(let path): "\(path) has no authority's certificate in PEM"
        case .authoritiesMalformed(let path):
            "\(path) has an authority's certificate that can't be read"
        case .clientAuthoritiesUnnamed: "clients show certificates, but no client_ca is named"
        case .systemAuthoritiesUnavailable: "the system's authorities can't be used"
        case .revocationsMissing(let path): "\(path) has no revocation list in PEM"
        case .revocationsMalformed(let path): "\(path) has a revocation list that can't be read"
        case .ocspMalformed(let path): "\(path) is no OCSP response in DER"
        case .ocspUnsuccessful(let path, let status):
            "\(path) is an OCSP response without an answer, status \(status)"
        case .ocspOfOtherCertificate(let path):
            "\(path) is an OCSP response for another certificate"
        case .ocspSignatureInvalid(let path):
            "\(path) is an OCSP response whose signature does not hold"
        case .ocspRevoked(let path): "\(path) says that the certificate is revoked"
        case .hostInvalid(let host): "\(host) is neither a host name nor an address"
        }
    }
}
