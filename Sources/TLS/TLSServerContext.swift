import COpenSSL
import Primitives

/// What one worker needs to speak TLS on one listener, for one generation of its files.
@safe
public final class TLSServerContext: @unchecked Sendable {
    // Sendable: made by one thread and used by one other, one after the other.
    /// `SSL_CTX *` of the first certificate, which every session begins with.
    let context: OpaquePointer
    /// What it was made with, and must not outlive.
    let library: TLSLibrary
    /// What was loaded, in the order of the settings.
    public let certificates: [CertificateSummary]
    /// What the operator should know, in words: certificates that run out, stale OCSP answers.
    public let warnings: [String]

    /// The contexts of a listener.
    ///
    /// - Parameters:
    ///   - settings: How it speaks TLS.
    ///   - files: What the files that the settings name hold.
    ///   - listener: Its name: a session of one listener is not resumed on another.
    ///   - library: The worker's.
    ///   - now: When this is, for what runs out.
    public init(
        _ settings: TLSServerSettings, files: TLSServerFiles, listener: String,
        library: TLSLibrary, now: WallTime
    ) throws(TLSError) {
        guard settings.certificates.count == files.certificates.count else {
            throw .filesIncomplete
        }
        // Safe: a new context, owned by this object and freed in deinit only.
        guard let made = unsafe SSL_CTX_new_ex(library.context, nil, TLS_server_method()) else {
            throw .outOfMemory
        }
        unsafe context = made
        self.library = library
        certificates = []
        warnings = []
    }

    deinit {
        unsafe SSL_CTX_free(context)
    }
}
