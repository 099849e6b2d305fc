import COpenSSL
import Crypto
import LinuxIO
import Primitives

// Safe: every OpenSSL object belongs to a class that frees it, and outlives what borrows it here.

/// What one worker needs to speak TLS on one listener, for one generation of its files.
@safe
public final class TLSServerContext: @unchecked Sendable {
    // Sendable: made by one thread and used by one other, one after the other.
    /// `SSL_CTX *` that every session begins with: the one for clients that name nothing known.
    let context: OpaquePointer
    /// What it was made with, and must not outlive.
    let library: TLSLibrary
    /// What was loaded, in the order of the settings.
    public let certificates: [CertificateSummary]
    /// What the operator should know, in words: certificates that run out, stale OCSP answers.
    public let warnings: [String]

    /// One for each set of certificates; the first is `context`.
    let contexts: [OpenSSLContext]
    /// Which of them is for which name.
    let names: ServerNameTable
    /// What becomes of a client that names an unknown server.
    let unknownServerName: UnknownServerName
    /// How long a handshake may take.
    public let handshakeMilliseconds: UInt32
    /// Whether OpenSSL moves bytes itself, so that the kernel can encrypt them.
    let usesKernelTLS: Bool
    private let pairs: [CertificatePair]
    /// By certificate; nil where there is none to show.
    private let answers: [StapledAnswer?]

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
        guard !files.certificates.isEmpty else { throw .certificatesMissing }
        var pairs: [CertificatePair] = []
        var answers: [StapledAnswer?] = []
        var warnings: [String] = []
        for (paths, bytes) in zip(settings.certificates, files.certificates) {
            let pair = try CertificatePair(bytes, files: paths, library: library)
            warnings += pair.chain.warnings(path: paths.certificate, now: now)
            answers.append(
                try TLSServerContext.answer(bytes, paths, pair.chain, now, &warnings))
            pairs.append(pair)
        }
        let trust = try TLSServerContext.trust(settings, files, library, now, &warnings)
        let identifier = try TLSServerContext.sessionContext(settings, files, listener)
        let summaries = pairs.map(\.chain.summary)
        let choice = CertificateChoice(summaries)
        for place in choice.unused {
            warnings.append(
                "the certificate in \(settings.certificates[place].certificate) is never shown: "
                    + "those before it are for all its names")
        }
        var contexts: [OpenSSLContext] = []
        for places in choice.contexts {
            let made = try TLSServerContext.context(settings, library, trust, identifier)
            for place in places { unsafe try pairs[place].use(in: made.pointer) }
            contexts.append(made)
        }
        guard let first = contexts.first else { throw .certificatesMissing }
        unsafe context = first.pointer
        self.library = library
        certificates = summaries
        self.warnings = warnings
        self.contexts = contexts
        names = ServerNameTable(choice.names.map { ($0.name, $0.context) })
        unknownServerName = settings.unknownServerName
        handshakeMilliseconds = settings.handshakeMilliseconds
        usesKernelTLS = settings.kernelTLS == .auto && KernelTLSProbe.isAvailable
        self.pairs = pairs
        self.answers = answers
        for made in contexts {
            unsafe install(in: made.pointer, hasAnswers: answers.contains { $0 != nil })
        }
    }

    /// The response to show with `certificate`, an `X509 *`, while it is current.
    func answer(for certificate: OpaquePointer?, now: WallTime) -> StapledAnswer? {
        for (pair, answer) in zip(pairs, answers)
        where unsafe pair.chain.leaf == certificate {
            guard let answer, answer.nextUpdate > now.seconds else { return nil }
            return answer
        }
        return nil
    }

    private static func answer(
        _ bytes: CertificateBytes, _ paths: CertificateFiles, _ chain: CertificateChain,
        _ now: WallTime, _ warnings: inout [String]
    ) throws(TLSError) -> StapledAnswer? {
        guard let path = paths.ocsp else { return nil }
        guard let response = bytes.ocsp else { throw .filesIncomplete }
        switch try StapledAnswer.judge(response, path: path, for: chain, now: now) {
        case .usable(let answer): return answer
        case .stale(let why):
            warnings.append(why)
            return nil
        }
    }

    /// The authorities for client certificates; nil when none are asked for.
    private static func trust(
        _ settings: TLSServerSettings, _ files: TLSServerFiles, _ library: TLSLibrary,
        _ now: WallTime, _ warnings: inout [String]
    ) throws(TLSError) -> TrustStore? {
        guard settings.clientAuthentication != .off else { return nil }
        guard let path = settings.clientAuthorities else { throw .clientAuthoritiesUnnamed }
        guard let authorities = files.clientAuthorities else { throw .filesIncomplete }
        let trust = try TrustStore(authorities: authorities, path: path, library: library)
        if let path = settings.clientRevocations {
            guard let lists = files.clientRevocations else { throw .filesIncomplete }
            try trust.check(revocations: lists, path: path, library: library, now: now)
        }
        warnings += trust.warnings
        return trust
    }

    /// What a session is bound to: it is not resumed where another listener, another authority or
    /// another revocation list might have judged its client otherwise.
    private static func sessionContext(
        _ settings: TLSServerSettings, _ files: TLSServerFiles, _ listener: String
    ) throws(TLSError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw .outOfMemory }
        defer { unsafe EVP_MD_CTX_free(context) }
        var isDone = unsafe EVP_DigestInit_ex2(context, EVP_sha256(), nil) == 1
        let demands: [UInt8] = [
            settings.clientAuthentication.rawValue,
            UInt8(truncatingIfNeeded: settings.clientVerificationDepth),
        ]
        let parts = [
            Array(listener.utf8), demands, files.clientAuthorities ?? [],
            files.clientRevocations ?? [],
        ]
        for part in parts {
            // Each part's length goes first, so that no two sets of parts read the same.
            let size = UInt64(part.count).bigEndian
            isDone =
                unsafe isDone
                && withUnsafeBytes(of: size) {
                    unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1
                } && EVP_DigestUpdate(context, part, part.count) == 1
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        guard isDone, unsafe EVP_DigestFinal_ex(context, &digest, &count) == 1 else {
            throw .algorithmUnavailable
        }
        return Array(digest.prefix(Int(count)))
    }

    /// A context without certificates and without callbacks.
    private static func context(
        _ settings: TLSServerSettings, _ library: TLSLibrary, _ trust: TrustStore?,
        _ identifier: [UInt8]
    ) throws(TLSError) -> OpenSSLContext {
        let hasTickets = settings.tickets.isEnabled
        // A client's P-384 certificate can be used in TLS 1.2 only where its curve is offered.
        let made = try unsafe OpenSSLContext(
            TLS_server_method(), library: library, minimum: settings.minimumVersion,
            groups: trust == nil ? "X25519:P-256" : "X25519:P-256:P-384",
            options: sallyport_server_options()
                | (hasTickets ? 0 : sallyport_no_ticket_option()))
        let context = unsafe made.pointer
        unsafe SSL_CTX_set_timeout(context, Int(settings.tickets.lifetimeSeconds))
        let isSet =
            unsafe SSL_CTX_set_num_tickets(context, hasTickets ? 1 : 0) == 1
            && SSL_CTX_set_max_early_data(context, 0) == 1
            && SSL_CTX_set_recv_max_early_data(context, 0) == 1
            && SSL_CTX_set_session_id_context(
                context, identifier, CUnsignedInt(identifier.count)) == 1
        guard isSet else { throw .settingRefused }
        guard let trust else { return made }
        let mode =
            settings.clientAuthentication == .require
            ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        unsafe SSL_CTX_set_verify(context, mode, nil)
        unsafe SSL_CTX_set_verify_depth(context, CInt(clamping: settings.clientVerificationDepth))
        guard unsafe SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 else {
            throw .settingRefused
        }
        unsafe SSL_CTX_set1_cert_store(context, trust.store)
        guard let names = unsafe SSL_dup_CA_list(trust.names) else { throw .outOfMemory }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        return made
    }
}
