import AuditRecords
import Crypto
import LinuxIO
import Primitives
import Settings
import TLS
import Worker

/// The certificates of all listeners and upstreams, as each worker has them, and the keys that
/// tickets are sealed with.
///
/// The control thread makes it at the start, the certificates' thread owns it from then on. OpenSSL
/// guards what it changes inside a worker's library context, so contexts are made while the worker
/// uses the library.
struct CertificateKeeper: ~Copyable, Sendable {
    /// What a reload has to tell.
    enum Notice: Sendable, Equatable {
        /// These are in use now.
        case loaded(CertificatePlace, [CertificateSummary])
        /// A file can't be used; what was in use stays.
        case refused(CertificatePlace, CertificateProblem)
        /// Something that the operator should know.
        case warning(CertificatePlace, String)
        /// An upstream's certificate is not verified.
        case unverified(CertificatePlace)
    }

    /// What is known about the files of one place.
    private struct Standing: Sendable {
        /// What is in use.
        var digest: Digest256
        /// Why what was read last is not, and which bytes that were.
        var failure: (problem: CertificateProblem, digest: Digest256?)?
    }

    let places: [TLSPlace]
    /// What has happened and was not told yet.
    private var notices: [Notice] = []
    private var standings: [Standing] = []
    private let libraries: [TLSLibrary]
    /// By worker.
    private(set) var contexts: [TLSContexts]
    private let currentTickets: CurrentTickets
    private var reader: CertificateReader

    private init(
        places: [TLSPlace], libraries: [TLSLibrary], contexts: [TLSContexts],
        tickets: CurrentTickets, reader: consuming CertificateReader
    ) {
        self.places = places
        self.libraries = libraries
        self.contexts = contexts
        currentTickets = tickets
        self.reader = reader
    }

    /// What session tickets are sealed with now.
    var tickets: TicketKeys { currentTickets.latest }

    /// What the workers speak TLS with, whatever the settings say.
    struct Tools: Sendable {
        /// By worker.
        let libraries: [TLSLibrary]
        /// What session tickets are sealed with.
        let tickets: CurrentTickets

        /// New ones for `workerCount` workers.
        init(_ settings: SessionTicketSettings, workerCount: Int) throws(SupervisorError) {
            var made: [TLSLibrary] = []
            do throws(TLSError) {
                for _ in 0..<workerCount { made.append(try TLSLibrary()) }
                tickets = CurrentTickets(try TicketKeys(settings))
            } catch {
                throw .tls(error)
            }
            libraries = made
        }
    }

    /// Reads all files that the settings name, and makes contexts for each worker.
    static func load(
        _ settings: Settings, tools: Tools, now: WallTime
    ) throws(SupervisorError) -> CertificateKeeper {
        try load(
            settings.tlsPlaces, listenerCount: settings.listeners.count,
            upstreamCount: settings.upstreams.count, tools: tools, now: now)
    }

    /// The same for `places` among so many listeners and upstreams.
    static func load(
        _ places: [TLSPlace], listenerCount: Int, upstreamCount: Int, tools: Tools, now: WallTime
    ) throws(SupervisorError) -> CertificateKeeper {
        let libraries = tools.libraries
        let empty = TLSContexts(
            servers: [TLSServerContext?](repeating: nil, count: listenerCount),
            clients: [TLSClientContext?](repeating: nil, count: upstreamCount))
        var keeper = CertificateKeeper(
            places: places, libraries: libraries,
            contexts: [TLSContexts](repeating: empty, count: libraries.count),
            tickets: tools.tickets,
            reader: try makeReader())
        for place in places { try keeper.begin(place, now: now) }
        return keeper
    }

    /// What worker `index` starts with.
    func start(worker index: Int) -> WorkerTLS {
        WorkerTLS(library: libraries[index], contexts: contexts[index], tickets: tickets)
    }

    /// Reads everything again, and makes contexts of what is new.
    ///
    /// - Returns: Whether workers are to have new contexts.
    mutating func reload(now: WallTime) -> Bool {
        var isChanged = false
        for (index, place) in places.enumerated() {
            var digest: Digest256?
            do throws(CertificateProblem) {
                let content = try reader.read(place)
                digest = content.digest
                let isInUse = content.digest == standings[index].digest
                if isInUse, standings[index].failure == nil { continue }
                try use(content, at: place, now: now)
                standings[index] = Standing(digest: content.digest)
                isChanged = true
            } catch {
                let told = standings[index].failure
                // The same bytes are refused for the same reason; once is enough to tell.
                if told?.problem != error || told?.digest != digest {
                    notices.append(.refused(place.recorded, error))
                }
                standings[index].failure = (error, digest)
            }
        }
        return isChanged
    }

    /// Whether some file could not be used when it was last read.
    var hasFailures: Bool { standings.contains { $0.failure != nil } }

    /// Notices again what is about to run out. What can't be read is `reload`'s to tell.
    mutating func remind(now: WallTime) {
        guard let library = libraries.first else { return }
        for place in places {
            guard let content = try? reader.read(place),
                let context = try? place.context(content, library: library, now: now)
            else { continue }
            notices += context.warnings.map { .warning(place.recorded, $0) }
        }
    }

    /// Puts a new key in front of those that tickets are sealed with.
    func rotateTickets() throws(TLSError) -> TicketKeys {
        try currentTickets.rotate()
    }

    /// What has happened since the last call.
    mutating func takeNotices() -> [Notice] {
        defer { notices = [] }
        return notices
    }

    /// Reads the files of the next place for the first time.
    private mutating func begin(_ place: TLSPlace, now: WallTime) throws(SupervisorError) {
        do throws(CertificateProblem) {
            let content = try reader.read(place)
            try use(content, at: place, now: now)
            standings.append(Standing(digest: content.digest))
        } catch {
            throw .certificates(place: place.recorded.text, problem: error.description)
        }
        if place.acceptsAnyCertificate { notices.append(.unverified(place.recorded)) }
    }

    /// Makes contexts of `content` for every worker; all of them or none.
    private mutating func use(
        _ content: CertificateContent, at place: TLSPlace, now: WallTime
    ) throws(CertificateProblem) {
        var made: [TLSContext] = []
        for library in libraries {
            made.append(try place.context(content, library: library, now: now))
        }
        for (worker, context) in made.enumerated() {
            contexts[worker] = contexts[worker].replacing(context, at: place.index)
        }
        guard let first = made.first else { return }
        notices.append(.loaded(place.recorded, first.certificates))
        for warning in content.warnings + first.warnings {
            notices.append(.warning(place.recorded, warning))
        }
    }

    static func makeReader() throws(SupervisorError) -> CertificateReader {
        do throws(CryptoError) {
            return try CertificateReader()
        } catch {
            throw .cryptography(error)
        }
    }
}

extension TLSContexts {
    /// The same but for one.
    fileprivate func replacing(_ context: TLSContext, at index: Int) -> TLSContexts {
        var servers = servers
        var clients = clients
        switch context {
        case .server(let context): servers[index] = context
        case .client(let context): clients[index] = context
        }
        return TLSContexts(servers: servers, clients: clients)
    }
}
