import Primitives

/// What kind of key a certificate is for: one of each can stand beside the others for one name.
public enum CertificateKind: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// RSA of 2048 bits and more.
    case rsa = 0
    /// ECDSA on P-256 or P-384.
    case ecdsa
    /// Ed25519.
    case ed25519
}

/// What is told, and recorded, of a certificate that was loaded.
public struct CertificateSummary: Sendable, Equatable {
    /// SHA-256 of its DER.
    public let sha256: Digest256
    /// The names that it is for: its alternative DNS names, or its common name when it has no
    /// alternative names at all.
    public let names: [String]
    /// Until when it is valid, in seconds since 1970.
    public let notAfter: Int64
    /// Its kind of key.
    public let kind: CertificateKind
}
