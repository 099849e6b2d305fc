import AuditRecords
import AuditWriter
import Authentication
import Crypto
import LinuxIO
import Logging
import Primitives
import RequestFlow
import Settings
import Systemd
import TLS
import Worker

/// Changes the settings of the running process. The control thread's.
///
/// Everything that can fail comes first: reading the file, its certificates, its keys, its sockets.
/// Then nothing fails any more: workers take the new settings between two turns of their loops. A
/// file that is refused changes nothing.
struct Reloader: ~Copyable {
    /// Reads the settings again, as those of this generation.
    typealias Source = @Sendable (SettingsGeneration) throws(SettingsError) -> Settings

    /// What the process runs with.
    private(set) var settings: Settings
    private var generation: SettingsGeneration
    private var standing: ProxyStanding
    /// Where each listener listens.
    private var bound: [ListenerSet.Bound]
    private let tools: CertificateKeeper.Tools
    private let secureHeapBytes: Int
    private let source: Source?
    private let workers: WorkerThreads
    private let writer: WriterControl
    private let report: CertificateReport
    private let logger: Logger
    private var certificates: RunningCertificates?
    private var nameLookup: StopSignal?
    private var names: EndpointNames

    /// What a process has started with.
    struct Start {
        var settings: Settings
        var standing: ProxyStanding
        var bound: [ListenerSet.Bound]
        var tools: CertificateKeeper.Tools
        var secureHeapBytes: Int
        var names: EndpointNames
    }

    /// How long connections that the new settings end have for a last request.
    private static let retireMilliseconds: Int32 = 500
    /// How long the writer may take to learn names, and all workers to take settings.
    private static let patienceNanoseconds: UInt64 = 5_000_000_000

    init(
        _ start: Start, source: Source?, workers: WorkerThreads, writer: WriterControl,
        report: CertificateReport, logger: Logger
    ) {
        settings = start.settings
        generation = start.settings.authentication.generation
        standing = start.standing
        bound = start.bound
        tools = start.tools
        secureHeapBytes = start.secureHeapBytes
        names = start.names
        self.source = source
        self.workers = workers
        self.writer = writer
        self.report = report
        self.logger = logger
    }

    /// Watches certificates and names for the settings at hand.
    mutating func watch(_ keeper: consuming CertificateKeeper) throws(SupervisorError) {
        nameLookup = try names.keepFresh(workers)
        guard !keeper.places.isEmpty else { return }
        let tickets = settings.ticketSettings
        do throws(SystemError) {
            let thread = try CertificateThread(
                keeper, rotationSeconds: tickets.isEnabled ? tickets.rotationSeconds : nil,
                workers: workers, report: report, logger: logger)
            certificates = try thread.start()
        } catch {
            throw .process(error)
        }
    }

    /// The names of all routes that there ever were, by what they are counted by.
    var routeNames: [Int: String] { standing.numbering.routeNames }

    /// Lets the writer forget the names of settings that no request is under way with.
    func forget() {
        guard generation.number > 1 else { return }
        writer.publish(oldest: workers.oldestGeneration)
    }

    /// Takes the settings from the file again; says and records what came of it.
    ///
    /// - Returns: Whether they are in use now.
    mutating func reload(by sender: SignalSender) -> Bool {
        let before = settings.digest
        var digest: Digest256?
        do throws(ReloadRefusal) {
            let next = try read()
            digest = next.digest
            for warning in next.warnings { logger.warning("\(warning)") }
            try change(to: next)
            logger.notice("settings are in use: generation \(generation.number)")
            writer.record(
                .reload(from: before, to: next.digest, generation: generation, by: sender))
            return true
        } catch {
            for line in error.lines { logger.error("\(line)") }
            logger.error("the settings stay as they were")
            writer.record(
                .reloadRefused(
                    settings: digest, why: error.lines.joined(separator: "; "), by: sender))
            return false
        }
    }

    private func read() throws(ReloadRefusal) -> Settings {
        if let worker = workers.laggards(behind: generation).first {
            throw ReloadRefusal("worker \(worker) has not taken the settings before these yet")
        }
        let count = workers.generationCount
        guard count < WorkerControl.limitGenerations - 1 else {
            throw ReloadRefusal(
                """
                requests are under way with \(count) earlier settings, limit \
                \(WorkerControl.limitGenerations): try again when some have ended
                """)
        }
        guard let source else {
            throw ReloadRefusal("these settings come from no file that could be read again")
        }
        let next: Settings
        do throws(SettingsError) {
            next = try source(SettingsGeneration(number: generation.number + 1))
        } catch {
            throw ReloadRefusal(lines: error.errors.map(\.description))
        }
        let keys = ReloadPlan.restartKeys(from: settings, to: next)
        guard keys.isEmpty else {
            throw ReloadRefusal(
                lines: keys.map { "\($0) can't be changed by a reload: restart instead" })
        }
        let needed = next.secureHeapBytes(workerCount: workers.count)
        guard needed <= secureHeapBytes else {
            throw ReloadRefusal(
                """
                the memory for keys has \(secureHeapBytes / 1024) KiB, and these settings need \
                \(needed / 1024) KiB: restart instead
                """)
        }
        return next
    }

    private mutating func change(to next: Settings) throws(ReloadRefusal) {
        let plan = ReloadPlan(from: settings, to: next)
        var keeper = try load(next)
        try checkKeys(next.authentication)
        let added = try bind(next, plan)
        let lookup = EndpointNames(next.upstreams, after: names)
        for host in lookup.refresh(all: false) {
            logger.warning("\(host) can't be resolved; requests to it are refused until it can")
        }
        let deadline = SystemClock.monotonic().advanced(nanoseconds: Reloader.patienceNanoseconds)
        let number = next.authentication.generation
        guard case .adopted = writer.perform(.adopt(next.recordNames, number), until: deadline)
        else {
            added.close()
            throw ReloadRefusal("the audit log takes nothing now: see its health")
        }
        // From here on nothing is refused.
        certificates.take()?.end()
        nameLookup?.ask()
        if !plan.retirement.isEmpty {
            workers.publish(plan.retirement)
            SystemClock.sleep(milliseconds: Reloader.retireMilliseconds)
        }
        bound = newBound(next, plan, added)
        var updates: [SettingsUpdate] = []
        for worker in 0..<workers.count {
            updates.append(
                SettingsUpdate(
                    settings: next.proxySettings(bound: bound, &standing),
                    endpoints: lookup.table, contexts: keeper.contexts[worker],
                    added: added.sockets[worker], socketPlaces: plan.socketPlaces,
                    listenerPlaces: plan.listenerPlaces, endpointPlaces: plan.endpointPlaces,
                    changesAuthentication: plan.changesAuthentication))
        }
        workers.publish(updates)
        generation = number
        settings = next
        names = lookup
        for listener in added.bound {
            logger.notice("listening on \(listener.address) (\(listener.name))")
        }
        for (index, place) in plan.socketPlaces.enumerated() where place < 0 {
            logger.notice("listener \(plan.oldNames[index]) is closed")
        }
        awaitWorkers(number)
        report.tell(keeper.takeNotices())
        report.dates.keep(keeper.places.map(\.recorded.text))
        do throws(SupervisorError) {
            try watch(keeper)
        } catch {
            logger.critical("certificates and names are not watched: \(error)")
        }
    }

    private func load(_ next: Settings) throws(ReloadRefusal) -> CertificateKeeper {
        do throws(SupervisorError) {
            return try CertificateKeeper.load(next, tools: tools, now: SystemClock.wall())
        } catch {
            throw ReloadRefusal("\(error)")
        }
    }

    /// Makes the issuers' keys once: no worker must fail at it.
    private func checkKeys(_ next: AuthenticationSettings) throws(ReloadRefusal) {
        do {
            _ = try Authenticator(next, cacheSlots: 1, library: try CryptoLibrary())
        } catch {
            throw ReloadRefusal("the issuers' keys can't be made: \(error)")
        }
    }

    private func bind(_ next: Settings, _ plan: ReloadPlan) throws(ReloadRefusal) -> ListenerSet {
        // Those that systemd opens are the same as before (`ReloadPlan.restartKeys`).
        var passed = PassedSockets([])
        do throws(SupervisorError) {
            return try ListenerSet(
                next.listeners, only: plan.unbound, workerCount: workers.count, passed: &passed)
        } catch {
            throw ReloadRefusal("\(error)")
        }
    }

    /// Where each of the new listeners listens.
    private func newBound(
        _ next: Settings, _ plan: ReloadPlan, _ added: ListenerSet
    ) -> [ListenerSet.Bound] {
        next.listeners.enumerated().compactMap { index, listener in
            if let old = plan.socketPlaces.firstIndex(of: index) {
                return ListenerSet.Bound(name: listener.name, address: bound[old].address)
            }
            return plan.unbound.firstIndex(of: index).map { added.bound[$0] }
        }
    }

    private func awaitWorkers(_ number: SettingsGeneration) {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: Reloader.patienceNanoseconds)
        while SystemClock.monotonic() < deadline {
            if workers.laggards(behind: number).isEmpty { return }
            SystemClock.sleep(milliseconds: 1)
        }
        for worker in workers.laggards(behind: number) {
            logger.critical("worker \(worker) has not taken the new settings yet")
        }
    }
}

/// Why a reload changes nothing, in lines for the operator.
struct ReloadRefusal: Error, Sendable, Equatable {
    /// At least one.
    let lines: [String]

    init(lines: [String]) { self.lines = lines }

    init(_ line: String) { lines = [line] }
}
