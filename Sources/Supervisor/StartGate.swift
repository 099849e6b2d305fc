import LinuxIO
import Primitives
import Synchronization
import Worker

/// Where the control thread waits until every worker serves, or one says why it can't.
final class StartGate: Sendable {
    private struct Reports {
        var started = 0
        var failure: (worker: Int, error: WorkerError)?
    }

    private let reports = Mutex(Reports())
    private let wakeup: Wakeup

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// A worker's thread tells how its start went.
    func report(_ worker: Int, _ error: WorkerError?) {
        reports.withLock { reports in
            reports.started += 1
            if let error, reports.failure == nil { reports.failure = (worker, error) }
        }
        wakeup.signal()
    }

    /// Waits for `count` workers.
    func wait(for count: Int) throws(SupervisorError) {
        do throws(SystemError) {
            var poller = try Poller(batch: 1)
            try poller.addSource(wakeup.descriptor, tag: 0)
            while reports.withLock({ $0.started < count }) {
                _ = try poller.wait(milliseconds: -1)
                wakeup.drain()
            }
        } catch {
            throw .process(error)
        }
        if let failure = reports.withLock({ $0.failure }) {
            throw .worker(failure.worker, failure.error)
        }
    }
}
