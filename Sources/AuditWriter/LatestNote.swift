import LinuxIO
import Synchronization

/// Hands the last published checkpoint from the writer's thread to a thread that may wait for
/// others; one that was not fetched is replaced.
///
/// The writer never waits: the lock is held for as long as an array changes hands.
public final class LatestNote: Sendable {
    /// How the other thread hears of what waits.
    public let signal: HandoverSignal
    private let note = Mutex<[UInt8]?>(nil)

    /// An empty place.
    public init() throws(SystemError) {
        signal = try HandoverSignal()
    }

    /// Puts `note` in the place of the one before. The writer's thread; a system call.
    public func put(_ newNote: [UInt8]) {
        note.withLock { $0 = newNote }
        signal.announce()
    }

    /// The note that was put last; nil when it was taken already. The other thread.
    public func take() -> [UInt8]? {
        note.withLock { $0.take() }
    }
}
