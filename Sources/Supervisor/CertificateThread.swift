import LinuxIO
import Logging
import Primitives
import TLS

/// The thread that watches certificates, and gives workers new ones: it may read files and wait for
/// OpenSSL, which no other thread may.
struct CertificateThread: ~Copyable, Sendable {
    private var keeper: CertificateKeeper
    private var watch: FileWatch
    private let rotationSeconds: UInt32?
    private let workers: WorkerThreads
    private let report: CertificateReport
    private let logger: Logger

    /// Watches the files of `keeper`, which were read a moment ago.
    init(
        _ keeper: consuming CertificateKeeper, rotationSeconds: UInt32?, workers: WorkerThreads,
        report: CertificateReport, logger: Logger
    ) throws(SystemError) {
        watch = try FileWatch(paths: keeper.places.flatMap(\.paths))
        self.keeper = keeper
        self.rotationSeconds = rotationSeconds
        self.workers = workers
        self.report = report
        self.logger = logger
    }

    /// Starts it; it ends with the process.
    consuming func start() throws(SystemError) {
        let thread = try PinnedThread.start(name: "certificates", state: self) {
            (thread: consuming CertificateThread) in
            var thread = thread
            do throws(SystemError) {
                try thread.run()
            } catch {
                thread.logger.critical(
                    "certificates are no longer watched, tickets' keys no longer changed: \(error)")
            }
        }
        thread.detach()
    }

    private mutating func run() throws(SystemError) {
        var poller = try Poller(batch: 1)
        try poller.addSource(watch.source, tag: 0)
        var state = ReloadState(rotationSeconds: rotationSeconds, now: SystemClock.monotonic())
        if let error = watch.arm() {
            let seconds = ReloadState.lookNanoseconds / 1_000_000_000
            logger.warning(
                "some folder of certificates can't be watched (\(error)): seen after \(seconds) s")
        }
        // What changed between the first reading and now has caused no event.
        load()
        while true {
            switch state.next(now: SystemClock.monotonic()) {
            case .wait(let milliseconds):
                if try poller.wait(milliseconds: milliseconds) > 0, watch.takeEvents() {
                    state.changed(now: SystemClock.monotonic())
                }
            case .load:
                _ = watch.arm()
                load()
            case .look:
                if keeper.hasFailures || watch.differs() {
                    state.changed(now: SystemClock.monotonic())
                }
            case .rotate: rotate()
            case .remind:
                keeper.remind(now: SystemClock.wall())
                report.tell(keeper.takeNotices())
            }
        }
    }

    private mutating func load() {
        if keeper.reload(now: SystemClock.wall()) { workers.publish(keeper.contexts) }
        report.tell(keeper.takeNotices())
    }

    private mutating func rotate() {
        do throws(TLSError) {
            if let keys = try keeper.rotateTickets() { workers.publish(keys) }
        } catch {
            logger.error("tickets keep their key: \(error)")
        }
    }
}
