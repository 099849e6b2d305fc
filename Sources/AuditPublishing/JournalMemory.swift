import AuditRecords
import AuditWriter
import LinuxIO
import Primitives
import Synchronization

/// What came of asking the journal.
public enum JournalRecollection: Sendable, Equatable {
    /// What it keeps of this user's processes, the newest first.
    case notes([SeenNote])
    /// It can't be read.
    case unreadable(SystemError)
    /// It took too long.
    case late
}

/// Asks the journal, before a log is opened, what has been said there of logs.
public enum JournalMemory {
    private static let patienceNanoseconds: UInt64 = 3_000_000_000
    /// What is found by then is taken.
    private static let readNanoseconds: UInt64 = 2_000_000_000

    /// Asks the journal that `settings` tell; nil when it is told nothing that could be asked for.
    ///
    /// libsystemd reads files, and how long a call takes is up to the disk: it does so on a thread
    /// that is left behind when it is not done in time.
    public static func recall(_ settings: JournalSettings) -> JournalRecollection? {
        guard settings.sendsCheckpoints, settings.isReadable else { return nil }
        do throws(SystemError) {
            return try ask(settings)
        } catch {
            return .unreadable(error)
        }
    }

    private static func ask(_ settings: JournalSettings) throws(SystemError) -> JournalRecollection
    {
        let answer = try Answer()
        var poller = try Poller(batch: 1)
        try answer.watch(with: poller)
        let start = SystemClock.monotonic()
        let thread = try PinnedThread.start(name: "journal-reader", state: settings) { settings in
            answer.put(
                read(settings, until: start.advanced(nanoseconds: JournalMemory.readNanoseconds)))
        }
        thread.detach()
        while true {
            if let found = answer.found { return found }
            let waited = SystemClock.monotonic().nanoseconds(since: start)
            guard waited < patienceNanoseconds else { return .late }
            _ = try poller.wait(
                milliseconds: Int32(clamping: (patienceNanoseconds - waited) / 1_000_000 + 1))
        }
    }

    private static func read(
        _ settings: JournalSettings, until deadline: Instant
    ) -> JournalRecollection {
        do throws(SystemError) {
            let reader = try JournalReader(settings)
            return .notes(try reader.notes(user: LocalPeer.ownUser, until: deadline))
        } catch {
            return .unreadable(error)
        }
    }

    /// Takes what was found from one thread to the other.
    private final class Answer: Sendable {
        private let wakeup: Wakeup
        private let value = Mutex<JournalRecollection?>(nil)

        init() throws(SystemError) { wakeup = try Wakeup() }

        func put(_ found: JournalRecollection) {
            value.withLock { $0 = found }
            wakeup.signal()
        }

        var found: JournalRecollection? { value.withLock { $0 } }

        func watch(with poller: borrowing Poller) throws(SystemError) {
            try poller.addSource(wakeup.descriptor, tag: 0)
        }
    }
}
