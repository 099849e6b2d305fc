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
    private var witnesses: RunningWitnesses?

    /// Queues for what the settings ask for; nothing runs yet.
    init(_ settings: AuditSettings, logger: Logger) throws(SupervisorError) {
        var outlets = PublicationOutlets()
        do throws(SystemError) {
            if let journal = settings.journal {
                outlets.journal = try PublicationQueue()
                outlets.journalRecords = journal.records
            }
            if !settings.witnesses.isEmpty { outlets.witnesses = try LatestNote() }
        } catch {
            throw .publishing(.system(error))
        }
        self.outlets = outlets
        self.settings = settings
        self.logger = logger
    }

    /// Starts the threads for the log `origin`, which lies in the folder `log`.
    mutating func start(
        origin: String, log: String, control: WriterControl
    ) throws(SupervisorError) {
        try startJournal(origin: origin, control: control)
        guard let mailbox = outlets.witnesses else { return }
        let logger = logger
        do throws(PublishingError) {
            let thread = try WitnessThread(
                settings.witnesses, every: settings.witnessMilliseconds, log: log,
                mailbox: mailbox
            ) { event in
                Publishers.tell(event, logger)
                control.record(event)
            }
            do throws(SystemError) {
                witnesses = try thread.start()
            } catch {
                throw .system(error)
            }
        } catch {
            throw .publishing(error)
        }
    }

    /// Tells the operator what became of a witness.
    private static func tell(_ event: LifecycleEvent, _ logger: Logger) {
        switch event {
        case .witnessCosigns(let witness, let size):
            logger.notice("witness \(witness) cosigns, from \(size) entries on")
        case .witnessUnreachable(let witness, let why):
            logger.warning("witness \(witness) can't be asked: \(why)")
        case .witnessRefused(let witness, let status):
            logger.error("witness \(witness) does not cosign: status \(status)")
        case .witnessAhead(let witness, let size, let own):
            logger.critical(
                """
                witness \(witness) has cosigned \(size) entries of this log, which has \(own): it \
                was rolled back, or is written elsewhere, too
                """
            )
        default: break
        }
    }

    private mutating func startJournal(
        origin: String, control: WriterControl
    ) throws(SupervisorError) {
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
            throw .publishing(.system(error))
        }
    }

    /// Ends the threads after the writer: what it said last is sent, too.
    mutating func stop() {
        witnesses.take()?.stop()
        guard let losses = journal.take()?.stop(), !losses.isEmpty else { return }
        logger.warning(
            """
            \(losses.checkpoints) checkpoints, \(losses.events) events and \(losses.records) records \
            were not sent to journald; the log has them
            """
        )
    }
}
