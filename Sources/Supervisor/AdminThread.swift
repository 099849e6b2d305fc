import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import LinuxIO
import Logging
import Primitives
import Settings

/// The thread that answers people and tools on this host: administrators at `admin.socket`, and
/// readers of the log at the socket in the log's folder.
///
/// One connection at a time, one line each way, each with a deadline: who is slow delays others
/// who are let in, for `patienceNanoseconds` at most.
struct AdminThread: ~Copyable, Sendable {
    private let administration: LocalListener?
    private let readers: LocalListener
    private let settings: AdminSettings?
    private let control: WriterControl
    private let status: AuditStatus
    private let logger: Logger

    /// How long a client may take for its line and for taking the answer.
    private static let patienceNanoseconds: UInt64 = 2_000_000_000
    /// How long the writer may take.
    private static let writerNanoseconds: UInt64 = 30_000_000_000
    private static let administrationTag: UInt64 = 0
    private static let readersTag: UInt64 = 1

    /// Listens at both sockets.
    init(
        _ settings: AdminSettings?, readers: consuming LocalListener, control: WriterControl,
        status: AuditStatus, logger: Logger
    ) throws(SystemError) {
        var listener: LocalListener?
        if let settings {
            listener = try LocalListener(
                path: settings.socketPath, mode: settings.group == nil ? 0o600 : 0o660,
                group: settings.group)
        }
        administration = listener
        self.readers = readers
        self.settings = settings
        self.control = control
        self.status = status
        self.logger = logger
    }

    /// Starts it; it ends with the process.
    consuming func start() throws(SystemError) {
        let thread = try PinnedThread.start(name: "admin", state: self) {
            (thread: consuming AdminThread) in
            do throws(SystemError) {
                try thread.run()
            } catch {
                thread.logger.critical("the local sockets are no longer served: \(error)")
            }
        }
        thread.detach()
    }

    private borrowing func run() throws(SystemError) {
        var poller = try Poller(batch: 2)
        if administration != nil {
            try administration?.watch(with: poller, tag: AdminThread.administrationTag)
        }
        try readers.watch(with: poller, tag: AdminThread.readersTag)
        while true {
            let count = try poller.wait(milliseconds: -1)
            for index in 0..<count {
                let isOfReaders = poller.event(at: index).tag == AdminThread.readersTag
                do throws(SystemError) {
                    try serve(isOfReaders ? .log : .administration)
                } catch {
                    logger.warning("a local request ended early: \(error)")
                }
            }
        }
    }

    /// Answers the connections that wait.
    private borrowing func serve(_ place: LocalRequest.Place) throws(SystemError) {
        while true {
            let stream: LocalStream?
            switch place {
            case .log: stream = try readers.accept()
            case .administration: stream = try administration?.accept() ?? nil
            }
            guard let stream else { return }
            let deadline = SystemClock.monotonic().advanced(
                nanoseconds: AdminThread.patienceNanoseconds)
            let line = try stream.readLine(
                limitBytes: LocalRequest.limitBytes, until: deadline)
            guard let line else { continue }
            let answer = answer(line, from: stream.peer, at: place)
            try stream.writeLine(
                answer.bytes,
                until: SystemClock.monotonic().advanced(
                    nanoseconds: AdminThread.patienceNanoseconds))
        }
    }

    private borrowing func answer(
        _ line: [UInt8], from peer: LocalPeer, at place: LocalRequest.Place
    ) -> CanonicalValue {
        let requester = Requester(
            user: peer.user, group: peer.group, process: peer.process)
        if place == .administration, !mayAdminister(peer) {
            record("refused", "not permitted", requester)
            return AdminThread.failure("user \(peer.user) may not administer this proxy")
        }
        let request: LocalRequest
        do throws(LocalRequestError) {
            request = try LocalRequest(line, at: place)
        } catch {
            if place == .administration { record("malformed", "refused", requester) }
            return AdminThread.failure("\(error)")
        }
        switch request {
        case .status: return answerStatus(requester)
        case .erase(let subject, let reason):
            return erase(subject, reason: reason, requester)
        case .hold(let name, let setBy, let first):
            guard LegalHold.isName(name), LegalHold.isName(setBy) else {
                record(request.word, "refused", requester)
                return AdminThread.failure(
                    "a name has 1 to \(LegalHold.limitBytes) bytes and no quotes")
            }
            let hold = LegalHold(
                name: name, setBy: setBy, since: SystemClock.wall(), first: first)
            return changeHolds(.hold(hold), request.word, requester)
        case .release(let name):
            return changeHolds(.release(name: name), request.word, requester)
        case .access(let tool, let range):
            let event = AccountableEvent.access(
                command: tool, range: range, by: requester, asked: nil)
            return AdminThread.answer(perform(.record(event)))
        }
    }

    /// The proxy's own user, root, and members of the group as the kernel knows their process.
    private borrowing func mayAdminister(_ peer: LocalPeer) -> Bool {
        // Who could connect is one of the group: the socket's mode lets in nobody else.
        peer.user == 0 || peer.user == LocalPeer.ownUser || settings?.group != nil
    }

    private borrowing func answerStatus(_ requester: Requester) -> CanonicalValue {
        let recorded = record("status", "answered", requester)
        return .object([
            "checkpoint": .count(status.checkpointSize), "entries": .count(status.durableSize),
            "failed": .boolean(status.hasFailed), "ok": .boolean(recorded == .recorded),
        ])
    }

    private borrowing func erase(
        _ subject: String, reason: String, _ requester: Requester
    ) -> CanonicalValue {
        let answer = perform(
            .erase(subject: Array(subject.utf8), reason: reason, by: requester))
        switch answer {
        case .erased(let keys):
            logger.notice("user \(requester.user) had \(keys.count) keys of a subject erased")
            record("erase", "done", requester)
        case .refused(let refusal):
            logger.warning("user \(requester.user) asked for an erasure: \(refusal.words)")
            record("erase", "refused", requester)
        case .recorded, .held, .adopted: break
        }
        return AdminThread.answer(answer)
    }

    private borrowing func changeHolds(
        _ change: WriterRequest, _ word: String, _ requester: Requester
    ) -> CanonicalValue {
        let answer = perform(change)
        switch answer {
        case .held:
            logger.notice("user \(requester.user) changed the legal holds: \(word)")
            record(word, "done", requester)
        case .refused(let refusal):
            logger.warning("user \(requester.user) asked to \(word): \(refusal.words)")
            record(word, "refused", requester)
        case .recorded, .erased, .adopted: break
        }
        return AdminThread.answer(answer)
    }

    @discardableResult
    private borrowing func record(
        _ command: String, _ outcome: String, _ requester: Requester
    ) -> WriterAnswer {
        perform(.record(.administration(command: command, outcome: outcome, by: requester)))
    }

    private borrowing func perform(_ request: WriterRequest) -> WriterAnswer {
        control.perform(
            request,
            until: SystemClock.monotonic().advanced(nanoseconds: AdminThread.writerNanoseconds))
    }

    private static func answer(_ answer: WriterAnswer) -> CanonicalValue {
        switch answer {
        case .recorded, .adopted: .object(["ok": .boolean(true)])
        case .erased(let keys):
            .object([
                "keys": .array(keys.map { .string($0.hexText) }), "ok": .boolean(true),
            ])
        case .held(let log): .object(["log": .string(log), "ok": .boolean(true)])
        case .refused(let refusal): failure(refusal.words)
        }
    }

    private static func failure(_ words: String) -> CanonicalValue {
        .object(["error": .string(words), "ok": .boolean(false)])
    }
}

extension WriterRefusal {
    /// Why, for people.
    public var words: String {
        switch self {
        case .held: "a legal hold is on the log: nothing is erased"
        case .holdPresent: "the log has a hold of that name, or too many"
        case .holdMissing: "the log has no hold of that name"
        case .holdsUnreadable:
            "\(LegalHolds.fileName) can't be read: everything is held until it is mended or removed"
        case .holdsUnwritable(let error): "\(LegalHolds.fileName): \(error)"
        case .keyringMissing: "the log has no keyring: no subject was ever sealed in it"
        case .keyring(let error): "the keyring: \(error.words)"
        case .ended: "the log is no longer written"
        case .late: "the log's writer did not answer in time"
        }
    }
}
