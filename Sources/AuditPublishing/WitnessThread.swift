import AuditRecords
import AuditSegments
import AuditWriter
import Crypto
import LinuxIO
import Primitives

/// The thread that has witnesses cosign the log's checkpoints (C2SP tlog-witness).
///
/// A witness cosigns a checkpoint when it follows from the last one it cosigned, so that a log that
/// shows two pasts, or loses some of one, needs its help. All witnesses are asked for the same
/// checkpoint at the same time; what they cosigned is kept beside the tiles. Nobody waits for them.
public struct WitnessThread: ~Copyable, Sendable {
    /// One witness, and what is known of it.
    private struct Witness {
        let key: WitnessKey
        let settings: WitnessSettings
        /// Entries under the last checkpoint that it cosigned.
        var size: UInt64
        /// The last event that was recorded about it.
        var condition: Condition = .unknown
    }

    private enum Condition: Equatable {
        case unknown
        case cosigns
        case refuses(status: Int)
        case isAhead
        case isUnreachable
    }

    private let mailbox: LatestNote
    private let folder: TileFolder
    private let client: WebClient
    private var hasher: TreeHasher
    private var witnesses: [Witness]
    private let intervalNanoseconds: UInt64
    private let record: @Sendable (LifecycleEvent) -> Void

    /// How long the witnesses may take together.
    private static let answerMilliseconds: UInt32 = 5000
    /// The same when the process ends.
    private static let lastMilliseconds: UInt32 = 2000

    /// A thread that has the notes of `mailbox` cosigned.
    ///
    /// - Parameters:
    ///   - log: The log's own folder.
    ///   - record: Is told when a witness begins or ceases to cosign, on this thread.
    public init(
        _ settings: [WitnessSettings], every interval: UInt32, log: String, mailbox: LatestNote,
        record: @escaping @Sendable (LifecycleEvent) -> Void
    ) throws(PublishingError) {
        let newFolder = try WitnessThread.folder(log)
        let newHasher = try WitnessThread.makeHasher()
        var found: [Witness] = []
        for one in settings {
            guard let key = try? WitnessKey(one.key) else { throw .cryptography }
            let size = newFolder.cosigned(by: key)?.size ?? 0
            found.append(Witness(key: key, settings: one, size: size))
        }
        guard let newClient = WebClient() else { throw .webClient }
        folder = newFolder
        hasher = newHasher
        client = newClient
        witnesses = found
        self.mailbox = mailbox
        intervalNanoseconds = UInt64(interval) * 1_000_000
        self.record = record
    }

    private static func folder(_ log: String) throws(PublishingError) -> TileFolder {
        do throws(SystemError) { return try TileFolder(log: log) } catch { throw .system(error) }
    }

    private static func makeHasher() throws(PublishingError) -> TreeHasher {
        do { return try TreeHasher(try CryptoLibrary()) } catch { throw .cryptography }
    }

    /// Starts it.
    public consuming func start() throws(SystemError) -> RunningWitnesses {
        let poller = try Poller(batch: 1)
        try mailbox.signal.watch(with: poller)
        let mailbox = mailbox
        let thread = try PinnedThread.start(
            name: "witnesses", state: WitnessLoop(thread: self, poller: poller)
        ) { loop in
            var loop = loop
            loop.run()
        }
        return RunningWitnesses(thread: thread, mailbox: mailbox)
    }

    /// Has `bytes` cosigned by whoever does.
    fileprivate mutating func round(_ bytes: [UInt8], isLast: Bool) {
        guard let note = try? SignedNote(bytes), let claim = try? Checkpoint(text: note.text)
        else { return }
        var open = Array(witnesses.indices)
        var cosigned: [(witness: Int, line: SignedNote.Line)] = []
        // A witness that remembers another size than we do says so, and is asked once more.
        for isSecond in [false, true] where !open.isEmpty {
            var again: [Int] = []
            for (index, outcome) in ask(open, note, claim.size, isLast: isLast) {
                switch outcome {
                case .cosigned(let line, _):
                    witnesses[index].size = claim.size
                    cosigned.append((index, line))
                    mark(.cosigns, of: index, size: claim.size)
                case .hasCosigned(let size) where size > claim.size:
                    mark(.isAhead, of: index, size: size, own: claim.size)
                case .hasCosigned(let size):
                    if isSecond || size == witnesses[index].size {
                        mark(.refuses(status: 409), of: index)
                    } else {
                        again.append(index)
                    }
                    witnesses[index].size = size
                case .refused(let status): mark(.refuses(status: status), of: index)
                case .answerMalformed:
                    mark(.isUnreachable, of: index, why: "its answer is not a witness's")
                case .unreachable(let why): mark(.isUnreachable, of: index, why: why)
                }
            }
            open = again
        }
        keep(cosigned, note)
    }

    /// Asks the witnesses `open` at the same time.
    private mutating func ask(
        _ open: [Int], _ note: SignedNote, _ size: UInt64, isLast: Bool
    ) -> [(Int, WitnessDialogue.Outcome)] {
        var outcomes: [(Int, WitnessDialogue.Outcome)] = []
        var asked: [(index: Int, dialogue: WitnessDialogue)] = []
        var requests: [WebRequest] = []
        for index in open {
            let witness = witnesses[index]
            let dialogue = WitnessDialogue(key: witness.key, note: note, size: size)
            // What was cosigned is larger than what is to be: asked as if nothing were known.
            let old = witness.size <= size ? witness.size : 0
            do {
                let proof = try folder.consistency(from: old, to: size, hasher: &hasher)
                requests.append(dialogue.request(witness.settings, old: old, proof: proof))
                asked.append((index, dialogue))
            } catch {
                outcomes.append((index, .unreachable(why: "there is no proof: \(error)")))
            }
        }
        let mailbox = mailbox
        let answers = client.answers(
            to: requests,
            milliseconds: isLast
                ? WitnessThread.lastMilliseconds : WitnessThread.answerMilliseconds,
            isHurried: { !isLast && mailbox.signal.isStopping })
        for ((index, dialogue), answer) in zip(asked, answers) {
            outcomes.append((index, dialogue.outcome(answer)))
        }
        return outcomes
    }

    /// Keeps the note with the lines of all who cosigned it, for each of them.
    private func keep(_ cosigned: [(witness: Int, line: SignedNote.Line)], _ note: SignedNote) {
        guard !cosigned.isEmpty else { return }
        let whole = SignedNote(text: note.text, lines: note.lines + cosigned.map(\.line))
        for (index, _) in cosigned {
            // The next round keeps the next one; what is lost can be asked for again.
            try? folder.keep(whole, cosignedBy: witnesses[index].key)
        }
    }

    /// Records what became of a witness, when that is new.
    private mutating func mark(
        _ condition: Condition, of index: Int, size: UInt64 = 0, own: UInt64 = 0, why: String = ""
    ) {
        guard witnesses[index].condition != condition else { return }
        witnesses[index].condition = condition
        let name = witnesses[index].key.name
        switch condition {
        case .unknown: break
        case .cosigns: record(.witnessCosigns(witness: name, size: size))
        case .refuses(let status): record(.witnessRefused(witness: name, status: status))
        case .isAhead: record(.witnessAhead(witness: name, size: size, own: own))
        case .isUnreachable: record(.witnessUnreachable(witness: name, why: why))
        }
    }

    fileprivate func take() -> [UInt8]? {
        mailbox.signal.drain()
        return mailbox.take()
    }

    fileprivate var isStopping: Bool { mailbox.signal.isStopping }

    fileprivate func next(after now: Instant) -> Instant {
        now.advanced(nanoseconds: intervalNanoseconds)
    }
}

/// The thread's state and its wait.
private struct WitnessLoop: ~Copyable, @unchecked Sendable {
    // Sendable: moves to the thread once.
    var thread: WitnessThread
    var poller: Poller

    mutating func run() {
        var waiting: [UInt8]?
        var next = Instant.zero
        while true {
            // Asked before the mailbox is: what was put before the stop is seen then.
            let isStopping = thread.isStopping
            waiting = thread.take() ?? waiting
            let now = SystemClock.monotonic()
            if let note = waiting, isStopping || now >= next {
                thread.round(note, isLast: isStopping)
                waiting = nil
                next = thread.next(after: now)
            }
            if isStopping { return }
            let left = next.nanoseconds(since: SystemClock.monotonic()) / 1_000_000 + 1
            // A wait that fails makes for another turn, no more.
            _ = try? poller.wait(milliseconds: waiting == nil ? -1 : Int32(clamping: left))
        }
    }
}

/// The witnesses' thread while it runs.
public struct RunningWitnesses: ~Copyable, Sendable {
    private let thread: PinnedThread
    private let mailbox: LatestNote

    fileprivate init(thread: consuming PinnedThread, mailbox: LatestNote) {
        self.thread = thread
        self.mailbox = mailbox
    }

    /// Has the last checkpoint cosigned, within seconds, and ends. After the writer has ended.
    public consuming func stop() {
        mailbox.signal.stop()
        thread.join()
    }
}
