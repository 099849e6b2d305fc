import LinuxIO
import Primitives
import Synchronization
import Systemd

/// Asks systemd for more time while a long log is read at the start.
///
/// Only while the process computes: a disk that does not answer is not waited for any longer than
/// `TimeoutStartSec=` says.
final class StartNotice: Sendable {
    private let isDone = Atomic<Bool>(false)
    private let notifier: Notifier
    private let stepMilliseconds: Int32
    /// How much time is asked for at once.
    private static let extensionMilliseconds: UInt64 = 30_000
    /// Processor time in a step that counts as progress.
    private static let progressNanoseconds: UInt64 = 5_000_000

    private init(_ notifier: Notifier, stepMilliseconds: Int32) {
        self.notifier = notifier
        self.stepMilliseconds = stepMilliseconds
    }

    /// Runs `body`, asking for more time meanwhile. Without a thread to ask with, `body` has what
    /// it has.
    static func during<Result: ~Copyable, Failure: Error>(
        _ notifier: Notifier, stepMilliseconds: Int32 = 1000,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let notice = StartNotice(notifier, stepMilliseconds: stepMilliseconds)
        defer { notice.isDone.store(true, ordering: .relaxed) }
        if let thread = try? PinnedThread.start(
            name: "start-notice", state: notice, body: { $0.run() })
        {
            thread.detach()
        }
        return try body()
    }

    private func run() {
        let began = SystemClock.monotonic()
        var before = ProcessLimits.processorNanoseconds()
        while true {
            SystemClock.sleep(milliseconds: stepMilliseconds)
            // Orders nothing: one message too many does no harm.
            if isDone.load(ordering: .relaxed) { return }
            let seconds = SystemClock.monotonic().nanoseconds(since: began) / 1_000_000_000
            let now = ProcessLimits.processorNanoseconds()
            if now &- before >= StartNotice.progressNanoseconds {
                notifier.extendTimeout(
                    milliseconds: StartNotice.extensionMilliseconds,
                    "reading the audit log, for \(seconds) s")
            }
            before = now
        }
    }
}
