import AuditRecords
import Primitives

/// What an encrypted batch says in the clear, so that a log can go on, and its gaps be seen,
/// without the key to its records (docs/decisions/0012).
///
/// JSON in RFC 8785 form behind the entries: the sequence numbers that are recorded
/// (`worker.first.last`, of the head's boot), the gap leaves (`boot.worker.first.last`, the last
/// one empty when nobody knows it), what heartbeats and starts said, the certificates of epochs, and
/// whether the last leaf is the stop. The tree does not cover it: whoever has the key compares it with the records, and
/// nobody can claim more records than the entries, which the tree does cover, have kinds for.
public struct BatchAccount: Equatable, Sendable {
    /// A gap leaf.
    public struct Gap: Equatable, Sendable {
        /// Whose numbers are lost.
        public var owner: WorkerBoot
        /// The first lost number.
        public var first: UInt64
        /// The last one; nil when nobody knows it.
        public var last: UInt64?
    }

    /// Recorded numbers, by worker.
    public private(set) var recorded: [SequenceAccount] = []
    /// The gap leaves, in their order.
    public private(set) var gaps: [Gap] = []
    /// Numbers that heartbeats and stops say were taken, by worker.
    public private(set) var sequences: [UInt64] = []
    /// Digests of torn tails that leaves speak of.
    public private(set) var tornTails: [Digest256] = []
    /// Certificates of the epochs that begin in the batch.
    public private(set) var epochs: [EpochCertificate] = []
    /// The highest minimum index that a leaf about deleted segments names; 0 for none.
    public private(set) var minimum: UInt64 = 0
    /// How many workers a start leaf says there are.
    public private(set) var workers: UInt64 = 0
    /// Whether the last record says that the process stopped.
    public private(set) var isStopped = false

    /// Most workers that an account may name: as many as a record's field can.
    static let limitWorkers = 1 << 16

    /// An account of nothing.
    public init() {}

    /// Numbers that the batch says are recorded.
    public var recordedCount: UInt64 { recorded.reduce(0) { $0 &+ $1.count } }

    /// Adds the number of a request's record.
    public mutating func record(worker: Int, sequence: UInt64) {
        isStopped = false
        guard sequence > 0, worker < BatchAccount.limitWorkers else { return }
        while recorded.count <= worker { recorded.append(SequenceAccount()) }
        _ = recorded[worker].insert(sequence)
    }

    /// Adds what the core of a record of `kind` says.
    public mutating func take(kind: UInt8, core bytes: [UInt8]) {
        isStopped = false
        switch SequenceClaim(kind: kind, core: bytes) {
        case .recorded(let owner, let sequence):
            record(worker: Int(clamping: owner.worker), sequence: sequence)
        case .lost(let owner, let first, let last):
            gaps.append(Gap(owner: owner, first: first, last: last))
        case .stopped:
            isStopped = true
            takeLifecycle(CanonicalObject(bytes))
        case .nothing:
            if kind == 6 { takeLifecycle(CanonicalObject(bytes)) }
            if kind == 8, let epoch = try? EpochCertificate(core: bytes) { epochs.append(epoch) }
            if kind == 9 { minimum = max(minimum, BatchAccount.minimum(core: bytes) ?? 0) }
        case .malformed: break
        }
    }

    /// The minimum index that the core of a kind-9 record names; nil when it is no pruning.
    public static func minimum(core bytes: [UInt8]) -> UInt64? {
        let core = CanonicalObject(bytes)
        guard core.string("event") == PruneFacts.event, let first = core.integer("first") else {
            return nil
        }
        return UInt64(exactly: first)
    }

    private mutating func takeLifecycle(_ core: CanonicalObject) {
        if core.string("event") == "torn", let tail = core.digest("sha256") {
            tornTails.append(tail)
        }
        let named = UInt64(max(0, core.integer("workers") ?? 0))
        workers = max(workers, min(named, UInt64(BatchAccount.limitWorkers)))
        for (worker, last) in (core.integers("sequences") ?? []).enumerated() {
            if sequences.count <= worker { sequences.append(0) }
            sequences[worker] = max(sequences[worker], UInt64(max(0, last)))
        }
    }

    /// Forgets everything, and keeps the memory.
    mutating func removeAll() {
        for worker in recorded.indices { recorded[worker].removeAll() }
        gaps.removeAll()
        sequences.removeAll()
        tornTails.removeAll()
        epochs.removeAll()
        minimum = 0
        workers = 0
        isStopped = false
    }

    /// The account's JSON.
    public var json: [UInt8] {
        var ranges: [CanonicalValue] = []
        for (worker, account) in recorded.enumerated() {
            for run in account.runs {
                ranges.append(.string("\(worker).\(run.lowerBound).\(run.upperBound)"))
            }
        }
        let lost = gaps.map { gap in
            let last = gap.last.map { "\($0)" } ?? ""
            return "\(gap.owner.boot.hexText).\(gap.owner.worker).\(gap.first).\(last)"
        }
        var members: [String: CanonicalValue] = [
            "gaps": .array(lost.map { .string($0) }), "recorded": .array(ranges),
            "sequences": .array(sequences.map { .count($0) }), "stop": .boolean(isStopped),
            "torn": .array(tornTails.map { .string($0.hexText) }), "workers": .count(workers),
        ]
        // Left out where there is none, as in the logs of before there were epochs.
        if !epochs.isEmpty { members["epochs"] = .array(epochs.map(\.value)) }
        // Left out where there is none, as in the logs of before there was retention.
        if minimum > 0 { members["minimum"] = .count(minimum) }
        return CanonicalValue.object(members).bytes
    }

    /// Reads what `json` wrote.
    public init(json bytes: [UInt8]) throws(EvidenceError) {
        let text = CanonicalObject(bytes)
        guard let ranges = text.strings("recorded"), let lost = text.strings("gaps"),
            let taken = text.integers("sequences"), let stop = text.boolean("stop"),
            let tails = text.strings("torn"), let workers = text.integer("workers"),
            (0...Int64(BatchAccount.limitWorkers)).contains(workers),
            taken.count <= BatchAccount.limitWorkers,
            taken.allSatisfy({ $0 >= 0 })
        else { throw .batchMalformed }
        for range in ranges {
            let numbers = range.split(separator: ".", omittingEmptySubsequences: false)
                .compactMap { UInt64($0) }
            guard numbers.count == 3, numbers[0] < BatchAccount.limitWorkers, numbers[1] > 0,
                numbers[1] <= numbers[2]
            else { throw .batchMalformed }
            while recorded.count <= Int(numbers[0]) { recorded.append(SequenceAccount()) }
            guard recorded[Int(numbers[0])].insert(numbers[1]...numbers[2]) else {
                throw .batchMalformed
            }
        }
        for gap in lost { gaps.append(try BatchAccount.gap(gap)) }
        for tail in tails {
            guard let digest = BatchAccount.digest(tail) else { throw .batchMalformed }
            tornTails.append(digest)
        }
        for object in text.objects("epochs") ?? [] {
            do {
                epochs.append(try EpochCertificate(object))
            } catch {
                throw .batchMalformed
            }
        }
        sequences = taken.map { UInt64($0) }
        self.workers = UInt64(workers)
        minimum = UInt64(max(0, text.integer("minimum") ?? 0))
        isStopped = stop
        // One account has one form.
        guard json == bytes else { throw .batchMalformed }
    }

    private static func gap(_ text: String) throws(EvidenceError) -> Gap {
        let pieces = text.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count == 4, let boot = UInt64(pieces[0], radix: 16),
            let worker = UInt64(pieces[1]), let first = UInt64(pieces[2]), first > 0
        else { throw .batchMalformed }
        let last = UInt64(pieces[3])
        guard pieces[3].isEmpty || last != nil, last ?? first >= first else {
            throw .batchMalformed
        }
        return Gap(owner: WorkerBoot(boot: boot, worker: worker), first: first, last: last)
    }

    private static func digest(_ text: String) -> Digest256? {
        CanonicalObject(Array("{\"d\":\"\(text)\"}".utf8)).digest("d")
    }

    /// Accounts say the same when they read the same.
    public static func == (left: BatchAccount, right: BatchAccount) -> Bool {
        left.json == right.json
    }
}
