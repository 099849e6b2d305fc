import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives
import Synchronization

/// The audit writer's thread while it runs.
public struct RunningWriter: ~Copyable, Sendable {
    private let thread: PinnedThread
    private let outcome: WriterOutcome
    /// How other threads reach the writer.
    public let control: WriterControl
    /// What the writer tells the workers.
    public let status: AuditStatus

    fileprivate init(
        thread: consuming PinnedThread, outcome: WriterOutcome, control: WriterControl,
        status: AuditStatus
    ) {
        self.thread = thread
        self.outcome = outcome
        self.control = control
        self.status = status
    }

    /// Why the writer has stopped by itself; nil while it works.
    public var failure: AuditWriterError? { outcome.failure }

    /// Drains what the workers left, says stop, seals the log and ends the thread.
    ///
    /// The workers' threads must have ended: what they publish afterwards is not recorded.
    ///
    /// - Returns: Why the log was not ended in order; nil when it was.
    public consuming func stop() -> AuditWriterError? {
        control.stop()
        thread.join()
        return outcome.failure
    }
}

/// How the writer's thread ended.
private final class WriterOutcome: Sendable {
    private let error = Mutex<AuditWriterError?>(nil)

    var failure: AuditWriterError? { error.withLock { $0 } }

    func fail(_ failure: AuditWriterError) {
        error.withLock { $0 = failure }
    }
}

extension OpenedLog {
    /// Starts the writer's thread, bound to `processor` or to none.
    public consuming func start(
        processor: Int? = nil
    ) throws(SystemError) -> RunningWriter {
        let outcome = WriterOutcome()
        let control = control
        let status = status
        let poller = try Poller(batch: 1)
        try control.watch(with: poller)
        let thread = try PinnedThread.start(
            name: "audit-writer", processor: processor,
            state: WriterLoop(log: self, poller: poller)
        ) { loop in
            var loop = loop
            // Without that thread nothing is prepared, and all else goes on.
            let spares = loop.log.writer.spares
            let helper = try? SpareThread.start(in: loop.log.writer.folder.root, spares)
            do throws(AuditWriterError) {
                try loop.run()
            } catch {
                outcome.fail(error)
                status.publishFailure()
            }
            control.requests.close()
            spares.signal.stop()
            if let helper { helper.join() }
        }
        return RunningWriter(thread: thread, outcome: outcome, control: control, status: status)
    }
}

/// Turns, and the sleep between them.
///
/// Workers don't signal per request: the writer comes by every 20 ms, up to 100 ms when nothing
/// came lately, and at once when a turn left it behind. A worker whose ring is half full wakes it.
private struct WriterLoop: ~Copyable, @unchecked Sendable {
    // Sendable: moves to the thread once.
    var log: OpenedLog
    var poller: Poller

    private static let busyMilliseconds: Int32 = 20
    private static let idleMilliseconds: Int32 = 100
    /// A turn of so many records is followed by the next one at once.
    private static let behindRecords = 4096
    /// How long the end of the log waits for a disk that refuses it.
    private static let endNanoseconds: UInt64 = 10_000_000_000
    private static let endMilliseconds: Int32 = 50

    init(log: consuming OpenedLog, poller: consuming Poller) {
        self.log = log
        self.poller = poller
    }

    mutating func run() throws(AuditWriterError) {
        // A wait never uses up more than a quarter of what bounded mode allows.
        let bound = Int32(clamping: max(1, log.writer.settings.boundMilliseconds / 4))
        let checkpoint = Int32(clamping: max(1, log.writer.settings.checkpointMilliseconds))
        let longest = min(WriterLoop.idleMilliseconds, bound, checkpoint)
        var pause = min(WriterLoop.busyMilliseconds, longest)
        while !log.control.shouldStop {
            takeEvents()
            try answerRequests()
            log.control.beginTurn()
            let oldest = log.control.oldestGeneration
            let drained = try log.writer.work(
                now: SystemClock.monotonic(), wall: SystemClock.wall())
            log.status.publishTurn()
            if drained >= WriterLoop.behindRecords { continue }
            // What was in the rings when the turn began is out of them.
            if log.writer.outage == nil { log.writer.encoder.forget(before: oldest) }
            let step = drained > 0 ? WriterLoop.busyMilliseconds : pause &+ 10
            pause = min(step, longest)
            try wait(milliseconds: pause)
        }
        try answerRequests()
        try end()
    }

    /// Ends the log, for as long as that may take; without its stop leaf and seal the next start
    /// finds what is missing.
    private mutating func end() throws(AuditWriterError) {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: WriterLoop.endNanoseconds)
        takeEvents()
        while true {
            let now = SystemClock.monotonic()
            if try log.writer.finish(now: now, wall: SystemClock.wall()) { return }
            guard now < deadline else {
                if let error = log.writer.outage?.error { throw .writeRefused(error) }
                if let error = log.writer.delay?.error { throw .checkpointRefused(error) }
                return
            }
            try wait(milliseconds: WriterLoop.endMilliseconds)
        }
    }

    private mutating func wait(milliseconds: Int32) throws(AuditWriterError) {
        do throws(SystemError) {
            if try poller.wait(milliseconds: milliseconds) > 0 { log.control.drain() }
        } catch {
            throw .system(error)
        }
    }

    /// Does what other threads wait for in `WriterControl.perform`.
    private mutating func answerRequests() throws(AuditWriterError) {
        for pending in log.control.requests.takeAll() {
            do {
                pending.finish(
                    try log.writer.answer(
                        pending.request, now: SystemClock.monotonic(), wall: SystemClock.wall()))
            } catch {
                pending.finish(.refused(.ended))
                throw error
            }
        }
    }

    /// Queues what other threads gave to `WriterControl.record`; it waits there during an outage.
    private mutating func takeEvents() {
        guard log.writer.outage == nil else { return }
        for entry in log.control.takeEvents() {
            log.writer.queue(.event(entry.event, entry.instant, entry.time))
        }
    }
}
