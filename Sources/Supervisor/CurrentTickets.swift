import Synchronization
import TLS

/// The keys that tickets are sealed with now: they outlive the settings, and the thread that
/// changes them.
final class CurrentTickets: Sendable {
    private let keys: Mutex<TicketKeys>

    init(_ first: TicketKeys) { keys = Mutex(first) }

    /// The latest. Any thread.
    var latest: TicketKeys { keys.withLock { $0 } }

    /// Puts a new key in front of them. One thread at a time.
    func rotate() throws(TLSError) -> TicketKeys {
        let next = try latest.rotated()
        keys.withLock { $0 = next }
        return next
    }
}
