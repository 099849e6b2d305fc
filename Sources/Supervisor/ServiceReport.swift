import AuditRings
import LinuxIO
import Logging
import Primitives
import Systemd
import Worker

/// What the control thread tells systemd: ready, a line of status, that all threads move.
struct ServiceReport: ~Copyable {
    private let notifier: Notifier
    private let logger: Logger
    private let workers: WorkerThreads
    private let status: AuditStatus
    private let pages: ProxyPages
    private var watchdog: WatchdogState
    private var lastRequests: UInt64 = 0
    private var lastLine = Instant.zero
    /// How often the line of status is told.
    private static let lineNanoseconds: UInt64 = 5_000_000_000
    /// How long the first record's way to the disk is awaited before the process says it is ready.
    private static let patienceNanoseconds: UInt64 = 10_000_000_000

    init(
        _ notifier: Notifier, workers: WorkerThreads, status: AuditStatus, pages: ProxyPages,
        logger: Logger, now: Instant
    ) {
        self.notifier = notifier
        self.workers = workers
        self.status = status
        self.pages = pages
        self.logger = logger
        watchdog = WatchdogState(interval: Notifier.watchdogNanoseconds(), now: now)
    }

    /// Waits until the log accepts records, and says that the process is ready.
    ///
    /// A log that accepts none yet is told of, and the process serves (and refuses) all the same.
    mutating func ready() {
        let deadline = SystemClock.monotonic().advanced(
            nanoseconds: ServiceReport.patienceNanoseconds)
        while !acceptsRecords, SystemClock.monotonic() < deadline {
            SystemClock.sleep(milliseconds: 1)
        }
        notifier.ready(line(SystemClock.monotonic()))
    }

    /// The settings are about to be read again; `reloaded` follows, whatever came of it.
    func reloading() { notifier.reloading(at: SystemClock.monotonic()) }

    /// The settings were read, or refused.
    mutating func reloaded() { notifier.ready(line(SystemClock.monotonic())) }

    /// The process ends.
    func stopping() {
        notifier.stopping("draining \(workers.counters().openClients) connections")
    }

    /// Some time has passed.
    mutating func tick(now: Instant, isEnding: Bool) {
        guard !isEnding else { return }
        switch watchdog.tick(turns: workers.turns() + [status.turns], now: now) {
        case .nothing: break
        case .ask: workers.wake()
        case .feed:
            pages.publishStuck(nil)
            notifier.watchdog()
        case .late(let threads):
            let names = threads.map { $0 < workers.count ? "worker \($0)" : "the audit writer" }
            let text = "\(names.joined(separator: ", ")) can't be reached: the thread hangs"
            pages.publishStuck(text)
            logger.critical("\(text)")
        }
        guard now.nanoseconds(since: lastLine) >= ServiceReport.lineNanoseconds else { return }
        notifier.status(line(now))
    }

    private var acceptsRecords: Bool {
        status.health.isRecording && status.durableUntil > .zero
    }

    private mutating func line(_ now: Instant) -> String {
        let counters = workers.counters()
        let elapsed = now.nanoseconds(since: lastLine)
        let rate = Double(counters.requests &- lastRequests) * 1e9 / Double(max(elapsed, 1))
        let isFirst = lastLine == .zero
        lastLine = now
        lastRequests = counters.requests
        let speed = isFirst ? "" : ", \((rate * 10).rounded() / 10) a second"
        return """
            \(counters.requests) requests\(speed); \(counters.openClients) connections; \
            log \(status.health(at: now).word), \(status.durableSize) entries
            """
    }
}
