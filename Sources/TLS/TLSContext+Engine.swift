extension TLSServerContext {
    var usesKernelTLS: Bool { false }
}
