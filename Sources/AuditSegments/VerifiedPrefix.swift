import AuditRecords
import Primitives

/// What a verification has proven of a log's beginning, and what it has to know to go on there.
///
/// Whoever keeps it trusts it as a checkpoint that they verified: the segments it covers are not
/// read again. That the log still begins with them is proven, from the tiles, by the root. JSON in
/// RFC 8785 form, in one form only.
public struct VerifiedPrefix: Sendable {
    /// The log's name.
    public let origin: String
    /// The key that its checkpoints were verified with, as a `vkey`.
    public let verifierKey: String
    /// Entries in it, and the root over them.
    public internal(set) var size: UInt64 = 0
    /// The root over those entries.
    public let root: Digest256
    /// Number of the frame that comes next, which begins a segment, and the hashes it names.
    var nextNumber: UInt64 = 0
    var previousFrame = Digest256.zero
    var previousSegment = Digest256.zero
    /// What the head of its last segment says.
    let head: SegmentHead
    var hasStopped = false
    /// What was counted.
    var report = VerificationReport()
    var isView = false
    var begunBoots: Set<UInt64> = []
    var floors: [WorkerBoot: UInt64] = [:]
    var accounts: [WorkerBoot: SequenceAccount] = [:]
    var openEnds: [WorkerBoot: UInt64] = [:]
    var used: [WorkerBoot: UInt64] = [:]
    var tornTails: [Digest256: String] = [:]
    var decisions = DecisionAccount()
    var noteCursor = NoteCursor()
    var epochs: EpochChain
    /// Numbers of the first frames of its segments.
    var segments: [UInt64] = []
    /// The first record that has to be there, by its leaves.
    var minimum: UInt64 = 0

    private static let format: Int64 = 1

    init(key: NoteKey, head: SegmentHead, root: Digest256) {
        origin = key.name
        verifierKey = key.text
        self.head = head
        self.root = root
        epochs = EpochChain(identity: key)
    }

    /// The JSON value.
    public var value: CanonicalValue {
        let runs = accounts.flatMap { owner, account in
            account.runs.map { "\(owner.text).\($0.lowerBound).\($0.upperBound)" }
        }
        return .object([
            "format": .integer(VerifiedPrefix.format), "origin": .string(origin),
            "vkey": .string(verifierKey), "size": .count(size), "root": .string(root.hexText),
            "next_frame": .count(nextNumber), "previous": .string(previousFrame.hexText),
            "previous_segment": .string(previousSegment.hexText),
            "head": .string(String(decoding: head.json, as: UTF8.self)),
            "stopped": .boolean(hasStopped), "view": .boolean(isView),
            "begun": .array(begunBoots.map(\.hexText).sorted().map { .string($0) }),
            "floors": VerifiedPrefix.value(floors), "open_ends": VerifiedPrefix.value(openEnds),
            "used": VerifiedPrefix.value(used),
            "recorded": .array(runs.sorted().map { .string($0) }),
            "torn": .array(
                tornTails.map { ($0.key.hexText, $0.value) }.sorted { $0 < $1 }.map {
                    .object(["sha256": .string($0), "segment": .string($1)])
                }),
            "epochs": epochs.value,
            "notes": .object([
                "file": .string(noteCursor.file), "offset": .count(UInt64(noteCursor.offset)),
                "last": .string(noteCursor.last.hexText),
            ]),
            "segments": .array(segments.map { .count($0) }), "minimum": .count(minimum),
            "counts": counts,
            "decisions": decisions.value,
        ])
    }

    private var counts: CanonicalValue {
        var members: [String: CanonicalValue] = [
            "boots": .integer(Int64(report.boots)),
            "checkpoint_size": .count(report.checkpointSize),
            "checkpoints": .integer(Int64(report.checkpoints)),
            "frames": .integer(Int64(report.frames)), "gap_numbers": .count(report.gapNumbers),
            "gap_reasons": .array(
                report.gapReasons.map { "\($0.key).\($0.value)" }.sorted().map { .string($0) }),
            "kinds": .array(report.kinds.map { .count($0) }), "pruned": .count(report.pruned),
            "segments": .integer(Int64(report.segments)), "tiles": .integer(Int64(report.tiles)),
            "unopened": .integer(Int64(report.unopened)),
        ]
        let times = [
            ("checkpoint_ts", report.checkpointTime), ("first_ts", report.firstTime),
            ("last_ts", report.lastTime),
        ]
        for case (let name, let time?) in times { members[name] = .integer(time.microseconds) }
        return .object(members)
    }

    private static func value(_ numbers: [WorkerBoot: UInt64]) -> CanonicalValue {
        .array(numbers.map { "\($0.key.text).\($0.value)" }.sorted().map { .string($0) })
    }

    /// Reads what `value` wrote; nil when it is anything else.
    public init?(json text: CanonicalObject) {
        guard text.integer("format") == VerifiedPrefix.format, let origin = text.string("origin"),
            let key = text.string("vkey"), let size = text.integer("size"), size >= 0,
            let root = text.digest("root"), let next = text.integer("next_frame"), next >= 0,
            let previous = text.digest("previous"),
            let segment = text.digest("previous_segment"), let headText = text.string("head"),
            let head = try? SegmentHead(json: Array(headText.utf8)),
            let stopped = text.boolean("stopped"), let isView = text.boolean("view"),
            let identity = try? NoteKey(key),
            let epochs = text.object("epochs").flatMap({ EpochChain($0, identity: identity) })
        else { return nil }
        self.epochs = epochs
        self.origin = origin
        verifierKey = key
        self.root = root
        self.head = head
        self.size = UInt64(size)
        nextNumber = UInt64(next)
        previousFrame = previous
        previousSegment = segment
        hasStopped = stopped
        self.isView = isView
        guard readSequences(text), readRest(text) else { return nil }
    }

    private mutating func readSequences(_ text: CanonicalObject) -> Bool {
        guard let begun = text.strings("begun"),
            let floors = VerifiedPrefix.numbers(text, "floors"),
            let ends = VerifiedPrefix.numbers(text, "open_ends"),
            let used = VerifiedPrefix.numbers(text, "used"), let runs = text.strings("recorded")
        else { return false }
        begunBoots = Set(begun.compactMap { UInt64($0, radix: 16) })
        self.floors = floors
        openEnds = ends
        self.used = used
        for run in runs {
            let pieces = run.split(separator: ".", omittingEmptySubsequences: false)
            guard pieces.count == 4, let owner = WorkerBoot(pieces[0], pieces[1]),
                let first = UInt64(pieces[2]), let last = UInt64(pieces[3]), first <= last,
                accounts[owner, default: SequenceAccount()].insert(first...last)
            else { return false }
        }
        for owner in used.keys where accounts[owner] == nil { accounts[owner] = SequenceAccount() }
        return begunBoots.count == begun.count
    }

    private mutating func readRest(_ text: CanonicalObject) -> Bool {
        guard let torn = text.objects("torn"), let notes = text.object("notes"),
            let file = notes.string("file"), let offset = notes.integer("offset"), offset >= 0,
            let last = notes.digest("last"), let numbers = text.integers("segments"),
            let minimum = text.integer("minimum"), minimum >= 0,
            let counts = text.object("counts"), readCounts(counts),
            let decisions = DecisionAccount(text.object("decisions"))
        else { return false }
        self.decisions = decisions
        for tail in torn {
            guard let digest = tail.digest("sha256"), let segment = tail.string("segment") else {
                return false
            }
            tornTails[digest] = segment
        }
        noteCursor = NoteCursor(file: file, offset: Int(offset), count: 0, last: last)
        segments = numbers.compactMap { UInt64(exactly: $0) }
        self.minimum = UInt64(minimum)
        return segments.count == numbers.count
    }

    private mutating func readCounts(_ counts: CanonicalObject) -> Bool {
        func number(_ name: StaticString) -> Int? {
            counts.integer(name).flatMap { $0 < 0 ? nil : Int($0) }
        }
        guard let kinds = counts.integers("kinds"), kinds.count == report.kinds.count,
            kinds.allSatisfy({ $0 >= 0 }), let boots = number("boots"),
            let covered = number("checkpoint_size"), let checkpoints = number("checkpoints"),
            let frames = number("frames"), let gaps = number("gap_numbers"),
            let segments = number("segments"), let tiles = number("tiles"),
            let unopened = number("unopened"), let pruned = number("pruned")
        else { return false }
        guard let reasons = counts.strings("gap_reasons") else { return false }
        for reason in reasons {
            let pieces = reason.split(separator: ".", omittingEmptySubsequences: false)
            guard pieces.count == 2, let count = UInt64(pieces[1]) else { return false }
            report.gapReasons[String(pieces[0])] = count
        }
        report.origin = origin
        report.boots = boots
        report.checkpointSize = UInt64(covered)
        // A prefix ends with what its last checkpoint covers.
        report.checkpointRoot = root
        report.checkpoints = checkpoints
        report.frames = frames
        report.gapNumbers = UInt64(gaps)
        report.kinds = kinds.map { UInt64($0) }
        report.segments = segments
        report.tiles = tiles
        report.unopened = unopened
        report.pruned = UInt64(pruned)
        report.checkpointTime = counts.integer("checkpoint_ts").map(WallTime.init(microseconds:))
        report.firstTime = counts.integer("first_ts").map(WallTime.init(microseconds:))
        report.lastTime = counts.integer("last_ts").map(WallTime.init(microseconds:))
        return true
    }

    private static func numbers(
        _ text: CanonicalObject, _ name: StaticString
    ) -> [WorkerBoot: UInt64]? {
        guard let entries = text.strings(name) else { return nil }
        var numbers: [WorkerBoot: UInt64] = [:]
        for entry in entries {
            let pieces = entry.split(separator: ".", omittingEmptySubsequences: false)
            guard pieces.count == 3, let owner = WorkerBoot(pieces[0], pieces[1]),
                let number = UInt64(pieces[2])
            else { return nil }
            numbers[owner] = number
        }
        return numbers
    }
}

extension WorkerBoot {
    /// The boot in hexadecimal and the worker.
    var text: String { "\(boot.hexText).\(worker)" }

    init?(_ boot: Substring, _ worker: Substring) {
        guard let boot = UInt64(boot, radix: 16), let worker = UInt64(worker) else { return nil }
        self.init(boot: boot, worker: worker)
    }
}
