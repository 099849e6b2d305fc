import AuditPublishing
import AuditRecords
import AuditWriter
import LinuxIO
import Logging
import Settings

/// The threads that tell others what the log says, and what they take it from.
struct Publishers: ~Copyable {
    /// Where the writer puts what it says.
    let outlets: PublicationOutlets
    private let settings: AuditSettings
    private let logger: Logger
    private var journal: RunningJournal?

    /// Queues for what the settings ask for; nothing runs yet.
    init(_ settings: AuditSettings, logger: Logger) throws(SupervisorError) {
        var outlets = PublicationOutlets()
        do throws(SystemError) {
            if settings.journal != nil { outlets.journal = try PublicationQueue() }
        } catch {
            throw .publishing(error)
        }
        self.outlets = outlets
        self.settings = settings
        self.logger = logger
    }

    /// Starts the threads for the log `origin`.
    mutating func start(origin: String, control: WriterControl) throws(SupervisorError) {
        guard let journalSettings = settings.journal, let queue = outlets.journal else { return }
        let logger = logger
        do throws(SystemError) {
            let thread = try JournalThread(
                settings: journalSettings, origin: origin, queue: queue,
                record: { control.record($0) }
            ) { notice in
                switch notice {
                case .unavailable(let error):
                    logger.warning(
                        "nothing can be sent to journald (\(journalSettings.socketPath)): \(error)")
                case .available:
                    logger.notice("messages are sent to journald again")
                }
            }
            journal = try thread.start()
        } catch {
            throw .publishing(error)
        }
    }

    /// Ends the threads after the writer: what it said last is sent, too.
    mutating func stop() {
        guard let losses = journal.take()?.stop(), !losses.isEmpty else { return }
        logger.warning(
            """
            \(losses.checkpoints) checkpoints and \(losses.events) events could not be sent to \
            journald; the log has them
            """
        )
    }
}
