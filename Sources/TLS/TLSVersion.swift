/// A version of TLS that can be negotiated (RFC 5246, RFC 8446); older ones can't be configured.
public enum TLSVersion: UInt16, Sendable, CaseIterable, BitwiseCopyable {
    /// TLS 1.2.
    case tls12 = 0x0303
    /// TLS 1.3.
    case tls13 = 0x0304
}
