import COpenSSL
import Crypto
import Primitives

// Safe: every OpenSSL object belongs to a class that frees it, and outlives what borrows it here.

/// What one worker needs to speak TLS to one upstream, for one generation of its files.
@safe
public final class TLSClientContext: @unchecked Sendable {
    // Sendable: made by one thread and used by one other, one after the other.
    /// `SSL_CTX *` of all its sessions.
    let context: OpaquePointer
    /// What it was made with, and must not outlive.
    let library: TLSLibrary
    /// What was loaded to be shown; nil when the proxy shows none.
    public let certificate: CertificateSummary?
    /// What the operator should know, in words: that its own certificate runs out.
    public let warnings: [String]

    private let owner: OpenSSLContext
    private let identities: [PeerIdentity]
    private let pair: CertificatePair?
    /// The newest session of each endpoint, for its next connection.
    private let sessions: SessionShelf

    /// The context of an upstream.
    ///
    /// - Parameters:
    ///   - settings: How its endpoints are spoken to.
    ///   - files: What the files that the settings name hold.
    ///   - hosts: The host of each endpoint, a name or an address.
    ///   - library: The worker's.
    ///   - now: When this is, for what runs out; nil to say nothing about that.
    public init(
        _ settings: TLSClientSettings, files: TLSClientFiles, hosts: [String], library: TLSLibrary,
        now: WallTime? = nil
    ) throws(TLSError) {
        var identities: [PeerIdentity] = []
        for host in hosts {
            identities.append(try PeerIdentity(settings.serverName ?? host))
        }
        var warnings: [String] = []
        // An upstream's P-384 certificate can be used in TLS 1.2 only where its curve is offered.
        let made = try unsafe OpenSSLContext(
            TLS_client_method(), library: library, minimum: settings.minimumVersion,
            groups: "X25519:P-256:P-384", options: sallyport_client_options())
        let context = unsafe made.pointer
        if settings.acceptsAnyCertificate {
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        } else {
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            unsafe try TLSClientContext.trust(settings, files, library, in: context)
        }
        var pair: CertificatePair?
        if let paths = settings.certificate {
            guard let bytes = files.certificate else { throw .filesIncomplete }
            let read = try CertificatePair(bytes, files: paths, library: library)
            unsafe try read.use(in: context)
            if let now { warnings += read.chain.warnings(path: paths.certificate, now: now) }
            pair = read
        }
        let protocols = Array("\u{8}http/1.1".utf8)
        // This one call answers 0 when it succeeds.
        guard
            unsafe SSL_CTX_set_alpn_protos(context, protocols, CUnsignedInt(protocols.count)) == 0
        else { throw .outOfMemory }
        let shelf = try unsafe SessionShelf(count: hosts.count, context: context)
        unsafe self.context = context
        self.library = library
        certificate = pair?.chain.summary
        self.warnings = warnings
        owner = made
        self.identities = identities
        self.pair = pair
        sessions = shelf
    }

    /// Prepares `session`, a new `SSL *` of `context`, for this endpoint: whom to ask for, whom to
    /// expect, and the session to go on with.
    ///
    /// - Returns: False when there was no memory.
    func prepare(_ session: OpaquePointer, endpoint: Int) -> Bool {
        unsafe identities[endpoint].apply(to: session) && sessions.offer(endpoint, to: session)
    }

    private static func trust(
        _ settings: TLSClientSettings, _ files: TLSClientFiles, _ library: TLSLibrary,
        in context: OpaquePointer
    ) throws(TLSError) {
        guard let path = settings.authorities else {
            guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
                ERR_clear_error()
                throw .systemAuthoritiesUnavailable
            }
            return
        }
        guard let authorities = files.authorities else { throw .filesIncomplete }
        let trust = try TrustStore(authorities: authorities, path: path, library: library)
        // Safe: the context takes a reference of its own.
        unsafe SSL_CTX_set1_cert_store(context, trust.store)
    }
}

/// Whom a server's certificate has to be for.
struct PeerIdentity: Sendable, Equatable {
    /// The name or the address, without brackets.
    let host: String
    /// Whether it is an address: then it is not asked for (RFC 6066 §3).
    let isAddress: Bool

    /// The identity of `host`, as settings and URLs have it.
    init(_ host: String) throws(TLSError) {
        var plain = host
        if plain.hasPrefix("["), plain.hasSuffix("]") {
            plain = String(plain.dropFirst().dropLast())
        }
        // Safe: the address that is made is freed here.
        if let address = unsafe a2i_IPADDRESS(plain) {
            unsafe ASN1_STRING_free(address)
            isAddress = true
        } else {
            ERR_clear_error()
            if plain.hasSuffix(".") { plain.removeLast() }
            let bytes = Array(plain.utf8)
            guard bytes.span.isHostName else { throw .hostInvalid(host: host) }
            isAddress = false
        }
        self.host = plain
    }

    /// Makes `session`, an `SSL *`, ask for it and expect it.
    func apply(to session: OpaquePointer) -> Bool {
        // Safe: OpenSSL copies the text.
        let parameters = unsafe SSL_get0_param(session)
        guard !isAddress else {
            return unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1
        }
        let flags = CUnsignedInt(
            X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        unsafe X509_VERIFY_PARAM_set_hostflags(parameters, flags)
        return unsafe SSL_set1_host(session, host) == 1
            && sallyport_set_server_name(session, host) == 1
    }
}
