import COpenSSL

/// What one worker needs to speak TLS to one upstream, for one generation of its files.
@safe
public final class TLSClientContext: @unchecked Sendable {
    // Sendable: made by one thread and used by one other, one after the other.
    /// `SSL_CTX *` of all its sessions.
    let context: OpaquePointer
    /// What it was made with, and must not outlive.
    let library: TLSLibrary
    /// The host of each endpoint.
    let hosts: [String]

    /// The context of an upstream.
    ///
    /// - Parameters:
    ///   - settings: How its endpoints are spoken to.
    ///   - files: What the files that the settings name hold.
    ///   - hosts: The host of each endpoint, a name or an address.
    ///   - library: The worker's.
    public init(
        _ settings: TLSClientSettings, files: TLSClientFiles, hosts: [String], library: TLSLibrary
    ) throws(TLSError) {
        // Safe: a new context, owned by this object and freed in deinit only.
        guard let made = unsafe SSL_CTX_new_ex(library.context, nil, TLS_client_method()) else {
            throw .outOfMemory
        }
        unsafe context = made
        self.library = library
        self.hosts = hosts
    }

    deinit {
        unsafe SSL_CTX_free(context)
    }
}
