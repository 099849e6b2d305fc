import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Authentication
import Crypto
import HTTP
import LinuxIO
import Logging
import Monitoring
import Primitives
import RequestFlow
import Settings
import Systemd
import TLS
import Worker

/// The process: listeners, worker threads, the audit writer, signals.
///
/// The control thread is the one that calls `run`. It serves no request; it waits for signals.
public struct Supervisor: ~Copyable {
    let settings: Settings
    private let source: Reloader.Source?
    let secureHeapBytes: Int
    private let build: String
    let logger: Logger
    private var signals: SignalWaiter
    var passed: PassedSockets
    /// How often the control thread looks whether a worker has ended.
    private static let tickMilliseconds = 200
    /// The same while the process ends.
    private static let endingTickMilliseconds = 5
    /// How long a failed process waits for its workers' last records.
    private static let failureNanoseconds: UInt64 = 5_000_000_000

    /// Prepares the process: signals are taken as values, keys stay out of core dumps, and it may
    /// open as many descriptors as it is allowed. Before any other thread is started.
    ///
    /// - Parameters:
    ///   - build: The program's version, which the log names.
    ///   - source: Reads the settings again, as those of the given generation, when a signal asks
    ///     for it; nil when they can't be. Called on the control thread.
    public init(
        _ settings: Settings, build: String,
        source: (@Sendable (SettingsGeneration) throws(SettingsError) -> Settings)? = nil
    ) throws(SupervisorError) {
        let sockets = try Supervisor.takeSockets()
        signals = try Supervisor.takeSignals()
        passed = sockets
        logger = ProgramLog.make("sallyport")
        self.settings = settings
        self.source = source
        self.build = build
        let workerCount = settings.workers ?? max(1, PinnedThread.allowedProcessors().count)
        secureHeapBytes = settings.secureHeapBytes(workerCount: workerCount)
        startSecureHeap()
        checkMachine()
    }

    /// Holds the signals back until `run` waits for them.
    ///
    /// For a program that starts threads of its own before the supervisor: a signal is given to
    /// any thread that has not blocked it.
    public static func holdSignals() throws(SupervisorError) {
        do throws(SystemError) { _ = try SignalWaiter() } catch { throw .process(error) }
    }

    /// Serves until a signal ends it; returns when all requests and the log have ended well.
    ///
    /// - Parameter listening: Told once where the process listens, when all workers serve.
    public consuming func run(
        listening: ([ListenerSet.Bound]) -> Void
    ) throws(SupervisorError) {
        for warning in settings.warnings { logger.warning("\(warning)") }
        let processors = PinnedThread.allowedProcessors()
        let workerCount = settings.workers ?? max(1, processors.count)
        let tools = try CertificateKeeper.Tools(settings.ticketSettings, workerCount: workerCount)
        var certificates = try CertificateKeeper.load(
            settings, tools: tools, now: SystemClock.wall())
        // The log before any socket: without it, nobody may be led to believe that we listen.
        var publishers = try Publishers(settings.audit, logger: logger)
        let outlets = publishers.outlets
        var log = try StartNotice.during(.system) { () throws(SupervisorError) -> OpenedLog in
            try openLog(workerCount: workerCount, outlets: outlets)
        }
        let names = EndpointNames(settings.upstreams)
        for host in names.refresh() {
            logger.warning("\(host) can't be resolved; requests to it are refused until it can")
        }
        let listeners = try ListenerSet(
            settings.listeners, workerCount: workerCount, passed: &passed)
        try checkNothingIsLeft()
        var standing = ProxyStanding(settings)
        var workers = try WorkerThreads()
        let writerControl = log.control
        let report = CertificateReport(logger: logger, control: writerControl)
        report.tell(certificates.takeNotices())
        for index in 0..<workerCount {
            let ring = log.makeRing()
            let control = try workers.start(
                index, processor: index < processors.count ? processors[index] : nil,
                settings: settings.proxySettings(bound: listeners.bound, &standing),
                listeners: listeners.sockets[index], endpoints: names,
                status: log.status, writer: writerControl,
                receiptPrefix: log.receiptPrefix(worker: index), ring: ring,
                tls: certificates.start(worker: index))
            log.wakeWorker(index) { control.wake() }
        }
        try publishers.start(
            origin: log.key.name, log: "\(settings.audit.directory)/\(log.logID.hexText)",
            control: writerControl)
        let readers = try Supervisor.listenForReaders(log)
        let writer = try Supervisor.startWriter(log)
        let pages = ProxyPages(
            ProxyPages.Constants(
                build: build,
                boundNanoseconds: UInt64(settings.audit.boundMilliseconds) * 1_000_000),
            settings: settings.digest, workers: workers, status: writer.status,
            certificates: report.dates)
        pages.publish(routes: standing.numbering.routeNames)
        var reloader = Reloader(
            Reloader.Start(
                settings: settings, standing: standing, bound: listeners.bound, tools: tools,
                secureHeapBytes: secureHeapBytes, names: names),
            source: source, workers: workers, writer: writerControl, report: report, logger: logger)
        var failure: SupervisorError?
        do throws(SupervisorError) {
            try workers.awaitStart()
            try reloader.watch(certificates)
            try startMonitoring(pages)
            try startAdministration(readers, writer)
            for (bound, listener) in zip(listeners.bound, settings.listeners) {
                logger.notice("listening on \(bound.address) (\(bound.name))\(listener.kind)")
            }
            if settings.listeners.contains(where: { $0.tls?.kernelTLS == .auto }) {
                let who = KernelTLSProbe.isAvailable ? "the kernel, where it can" : "OpenSSL alone"
                logger.notice("TLS records are encrypted by \(who)")
            }
            listening(listeners.bound)
            let service = ServiceReport(
                .system, workers: workers, status: writer.status, pages: pages, logger: logger,
                now: SystemClock.monotonic())
            try control(workers, writer, pages, &reloader, service)
        } catch {
            failure = error
            workers.stop()
            awaitEnd(of: workers)
        }
        if let error = writer.stop() { failure = failure ?? .writerEnded(error) }
        publishers.stop()
        if let failure { throw failure }
        logger.notice("stopped after \(workers.counters().requests) requests, log sealed")
    }

    /// The control thread's loop; returns when all workers have ended as they were asked to.
    private mutating func control(
        _ workers: WorkerThreads, _ writer: borrowing RunningWriter, _ pages: ProxyPages,
        _ reloader: inout Reloader,
        _ report: consuming ServiceReport
    ) throws(SupervisorError) {
        var service = report
        service.ready()
        var shutdown = ShutdownState(
            drainMilliseconds: settings.connections.drainMilliseconds)
        var health = AuditHealth.healthy
        var isDiskLow = false
        while true {
            let tick =
                shutdown.isEnding ? Supervisor.endingTickMilliseconds : Supervisor.tickMilliseconds
            let action: ShutdownState.Action
            let received = signals.wait(milliseconds: tick)
            switch received?.signal {
            case .stop:
                action = shutdown.stopAsked(now: SystemClock.monotonic())
            case .reload where !shutdown.isEnding:
                service.reloading()
                reload(by: received, &reloader, pages)
                service.reloaded()
                action = .nothing
            case .reload, nil:
                reloader.forget()
                action = shutdown.tick(
                    finished: workers.finishedCount, workers: workers.count,
                    now: SystemClock.monotonic())
            }
            service.tick(now: SystemClock.monotonic(), isEnding: shutdown.isEnding)
            let found = writer.status.health(at: SystemClock.monotonic())
            if found != health {
                health = found
                tell(health, why: writer.failure)
            }
            if writer.status.isDiskLow != isDiskLow {
                isDiskLow.toggle()
                let percent = writer.status.diskUsedPercent
                let verdict = isDiskLow ? "full, limit \(settings.audit.diskWarnPercent) %" : "full"
                logger.warning("the audit log's file system is \(percent) % \(verdict)")
            }
            switch action {
            case .nothing: continue
            case .drain:
                pages.publishDraining()
                service.stopping()
                logger.notice("draining \(workers.counters().openClients) connections")
                workers.drain()
            case .stop:
                logger.notice("stopping at once")
                workers.stop()
            case .finish: return
            case .fail: throw .workerEnded
            }
        }
    }

    /// Takes the settings from their file again.
    private func reload(
        by received: ReceivedSignal?, _ reloader: inout Reloader, _ pages: ProxyPages
    ) {
        guard let received else { return }
        let sender = SignalSender(user: received.user, process: received.process)
        logger.notice("reload asked for by uid \(sender.user), pid \(sender.process)")
        if reloader.reload(by: sender) {
            pages.publish(settings: reloader.settings.digest)
            pages.publish(routes: reloader.routeNames)
        }
    }

    /// Tells the operator once what has become of the log.
    private func tell(_ health: AuditHealth, why: AuditWriterError?) {
        switch health {
        case .healthy: logger.notice("the audit log is written again, nothing of it is lost")
        case .signerUnavailable:
            logger.error("the audit log's checkpoints can't be signed or stored; records are kept")
        case .diskFull, .writeFailed, .readOnly, .fileMissing, .stalled:
            logger.critical(
                "the audit log can't be written (\(health.word)); requests are refused until it can"
            )
        case .failed:
            let words = why?.words ?? "unknown"
            logger.critical("the audit log has failed (\(words)); every request is refused now")
        }
    }

    private func awaitEnd(of workers: WorkerThreads) {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: Supervisor.failureNanoseconds)
        guard var poller = try? Poller(batch: 1) else { return }
        while workers.finishedCount < workers.count, SystemClock.monotonic() < deadline {
            _ = try? poller.wait(milliseconds: Int32(Supervisor.endingTickMilliseconds))
        }
    }

    private func openLog(
        workerCount: Int, outlets: PublicationOutlets
    ) throws(SupervisorError) -> OpenedLog {
        var options = AuditLogOptions(
            names: settings.recordNames, workerCount: workerCount, build: build)
        options.generation = settings.authentication.generation
        options.instanceName = ProcessLimits.hostName()
        options.outlets = outlets
        let logger = logger
        do throws(AuditWriterError) {
            let memory = OutsideMemory(settings: settings.audit) { logger.notice("\($0)") }
            let log = try AuditLog.open(
                settings: settings.audit, options: options, asking: { memory.recall($0) })
            let report = log.recovery
            logger.info(
                "log \(log.key.name) in \(settings.audit.directory), \(report.size) entries")
            if !report.isClean {
                let lost = report.gaps.count
                logger.warning("the log did not end cleanly before: \(lost) gaps are recorded")
            }
            for case .rolledBack(let origin, let had, let seen, let source) in report.events {
                logger.critical(
                    """
                    the log \(origin) was rolled back: it has \(had) entries, and \(source) has \
                    seen it with \(seen), or otherwise; \(log.key.name) begins in its place
                    """)
            }
            return log
        } catch {
            throw .audit(directory: settings.audit.directory, error)
        }
    }

    private static func startWriter(
        _ log: consuming OpenedLog
    ) throws(SupervisorError) -> RunningWriter {
        do throws(SystemError) { return try log.start() } catch { throw .writer(error) }
    }

    private static func listenForReaders(
        _ log: borrowing OpenedLog
    ) throws(SupervisorError) -> LocalListener {
        do throws(SystemError) {
            return try log.listenForReaders()
        } catch {
            throw .administration(error)
        }
    }

    /// Serves the local sockets from now on.
    private func startAdministration(
        _ readers: consuming LocalListener, _ writer: borrowing RunningWriter
    ) throws(SupervisorError) {
        do throws(SystemError) {
            let thread = try AdminThread(
                settings.admin, readers: readers, control: writer.control, status: writer.status,
                logger: logger)
            try thread.start()
        } catch {
            throw .administration(error)
        }
    }
}
