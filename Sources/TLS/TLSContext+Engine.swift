import COpenSSL

extension TLSServerContext {
    var usesKernelTLS: Bool { false }
}

extension TLSClientContext {
    /// Prepares a new session to the endpoint; false when memory ran out.
    func prepare(_ ssl: OpaquePointer, endpoint: Int) -> Bool { true }
}
