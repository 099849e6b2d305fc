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
    private let stop: StopSignal

    /// Watches the files of `keeper`, which were read a moment ago.
    init(
        _ keeper: consuming CertificateKeeper, rotationSeconds: UInt32?, workers: WorkerThreads,
        report: CertificateReport, logger: Logger
    ) throws(SystemError) {
        let newStop = try StopSignal()
        watch = try FileWatch(paths: keeper.places.flatMap(\.paths))
        self.keeper = keeper
        self.rotationSeconds = rotationSeconds
        self.workers = workers
        self.report = report
        self.logger = logger
        stop = newStop
    }

    /// Starts it; it ends with the process, or when it is stopped.
    consuming func start() throws(SystemError) -> RunningCertificates {
        let stop = stop
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
        return RunningCertificates(thread: thread, stop: stop)
    }

    private mutating func run() throws(SystemError) {
        var poller = try Poller(batch: 2)
        try poller.addSource(watch.source, tag: 0)
        try stop.watch(with: poller, tag: 1)
        var state = ReloadState(rotationSeconds: rotationSeconds, now: SystemClock.monotonic())
        if let error = watch.arm() {
            let seconds = ReloadState.lookNanoseconds / 1_000_000_000
            logger.warning(
                "some folder of certificates can't be watched (\(error)): seen after \(seconds) s")
        }
        // What changed between the first reading and now has caused no event.
        load()
        while !stop.isAsked {
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
            workers.publish(try keeper.rotateTickets())
        } catch {
            logger.error("tickets keep their key: \(error)")
        }
    }
}

/// The certificates' thread while it runs.
struct RunningCertificates: ~Copyable, Sendable {
    private let thread: PinnedThread
    private let stop: StopSignal

    fileprivate init(thread: consuming PinnedThread, stop: StopSignal) {
        self.thread = thread
        self.stop = stop
    }

    /// Ends it; nothing is published for its settings once this returns.
    consuming func end() {
        stop.ask()
        thread.join()
    }

    /// Lets it go on until the process ends.
    consuming func detach() { thread.detach() }
}
