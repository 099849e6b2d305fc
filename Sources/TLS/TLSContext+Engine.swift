extension TLSServerContext {
    var usesKernelTLS: Bool { false }
    /// How long a handshake may take.
    public var handshakeMilliseconds: UInt32 { 10_000 }
}
