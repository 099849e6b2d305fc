import CLinux
import Glibc

/// A signal that the control thread answers.
public enum ProcessSignal: Sendable, Equatable, CaseIterable {
    /// SIGTERM or SIGINT: drain, then stop.
    case stop
    /// SIGHUP: read the settings again.
    case reload
}

/// A signal and who sent it.
public struct ReceivedSignal: Sendable, Equatable {
    /// Which one.
    public let signal: ProcessSignal
    /// The real user id of the process that sent it, as the kernel knows it (sigaction(2)).
    public let user: UInt32
    /// The number of that process.
    public let process: Int32
}

/// Signals taken as values by one thread, never by a handler (`sigtimedwait(2)`).
///
/// Made before any other thread, so that all threads inherit the mask and no signal interrupts
/// them.
public struct SignalWaiter: ~Copyable {
    private var set = sigset_t()

    /// Blocks SIGTERM, SIGINT and SIGHUP, and ignores SIGPIPE, for the whole process.
    public init() throws(SystemError) {
        // Safe: the set is this value's own; the calls fill it and only read it.
        _ = unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { _ = unsafe sigaddset(&set, number) }
        let result = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard result == 0 else { throw SystemError("pthread_sigmask", result) }
        // A write to a closed connection is an error code, not the process's end.
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Waits at most `milliseconds`, and answers with the signal that came.
    public mutating func wait(milliseconds: Int) -> ReceivedSignal? {
        var sender = sallyport_signal_sender()
        var time = timespec(
            tv_sec: milliseconds / 1000, tv_nsec: (milliseconds % 1000) * 1_000_000)
        // Safe: the first and the last are only read, for the length of the call.
        let signal: ProcessSignal
        switch unsafe sallyport_wait_signal(&set, &sender, &time) {
        case SIGTERM, SIGINT: signal = .stop
        case SIGHUP: signal = .reload
        default: return nil
        }
        return ReceivedSignal(signal: signal, user: sender.user, process: sender.process)
    }
}
