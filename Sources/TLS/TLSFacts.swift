import Primitives

/// What a handshake agreed on, in IANA's numbers.
public struct TLSFacts: BitwiseCopyable, Sendable, Equatable {
    /// The version, `0x0304` for TLS 1.3; 0 when none was agreed on.
    public var version: UInt16 = 0
    /// The cipher suite.
    public var cipher: UInt16 = 0
    /// The group of the key exchange; 0 when there was none.
    public var group: UInt16 = 0
    /// What the server signed the handshake with; 0 in a resumed session.
    public var signature: UInt16 = 0
    /// Whether an earlier session was resumed.
    public var isResumed = false
    /// The protocol of ALPN (RFC 7301): 0 none, 1 `http/1.1`.
    public var negotiatedProtocol: UInt8 = 0
    /// Whether the peer has a certificate.
    public var hasCertificate = false
    /// SHA-256 of the peer's certificate in DER.
    public var certificate = Digest256.zero

    /// Nothing yet.
    public init() {}
}
