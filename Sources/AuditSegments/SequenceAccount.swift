import Primitives

/// One worker of one boot.
public struct WorkerBoot: Hashable, Sendable {
    /// The boot id.
    public var boot: UInt64
    /// The worker's number.
    public var worker: UInt64

    /// This worker of this boot.
    public init(boot: UInt64, worker: UInt64) {
        self.boot = boot
        self.worker = worker
    }
}

/// Which of a worker's sequence numbers are recorded (format §6): they begin at 1 and have no gap.
///
/// Numbers come nearly in order, so that few runs are open at a time.
public struct SequenceAccount: Sendable {
    /// The first number that a worker takes.
    public static let first: UInt64 = 1
    /// Runs of recorded numbers, in order, never touching each other.
    public private(set) var runs: [ClosedRange<UInt64>] = []

    /// Nothing recorded.
    public init() {}

    /// The highest number recorded; nil when there is none.
    public var highest: UInt64? { runs.last?.upperBound }

    /// How many numbers are recorded.
    var count: UInt64 { runs.reduce(0) { $0 &+ ($1.upperBound - $1.lowerBound &+ 1) } }

    /// Whether `number` is recorded.
    func contains(_ number: UInt64) -> Bool {
        runs.contains { $0.contains(number) }
    }

    /// Forgets everything, and keeps the memory.
    mutating func removeAll() {
        runs.removeAll(keepingCapacity: true)
    }

    /// Records `number`; false when it was recorded before.
    public mutating func insert(_ number: UInt64) -> Bool {
        insert(number...number)
    }

    /// Records all of `numbers`; false when one was recorded before (they then all are).
    public mutating func insert(_ numbers: ClosedRange<UInt64>) -> Bool {
        // Nearly always the end of the last run.
        if let last = runs.last, last.upperBound < UInt64.max,
            numbers.lowerBound == last.upperBound + 1
        {
            runs[runs.count - 1] = last.lowerBound...numbers.upperBound
            return true
        }
        var start = runs.count
        while start > 0,
            touches(runs[start - 1], numbers) || runs[start - 1].lowerBound > numbers.upperBound
        {
            start -= 1
        }
        var end = start
        var merged = numbers
        var isNew = true
        while end < runs.count, touches(runs[end], numbers) {
            isNew = isNew && !runs[end].overlaps(numbers)
            merged =
                min(
                    merged.lowerBound, runs[end].lowerBound)...max(
                    merged.upperBound, runs[end].upperBound)
            end += 1
        }
        runs.replaceSubrange(start..<end, with: [merged])
        return isNew
    }

    /// The numbers from 1 to the highest recorded, or to `last`, that are not recorded.
    public func missing(through last: UInt64? = nil) -> [ClosedRange<UInt64>] {
        var missing: [ClosedRange<UInt64>] = []
        var next = SequenceAccount.first
        for run in runs {
            if run.lowerBound > next { missing.append(next...(run.lowerBound - 1)) }
            guard run.upperBound < UInt64.max else { return missing }
            next = max(next, run.upperBound + 1)
        }
        if let last, last >= next { missing.append(next...last) }
        return missing
    }

    private func touches(_ run: ClosedRange<UInt64>, _ numbers: ClosedRange<UInt64>) -> Bool {
        let low = numbers.lowerBound == 0 ? 0 : numbers.lowerBound - 1
        let high = numbers.upperBound == .max ? UInt64.max : numbers.upperBound + 1
        return run.upperBound >= low && run.lowerBound <= high
    }
}

/// What a record's core says about sequence numbers.
public enum SequenceClaim: Equatable, Sendable {
    /// A request's record, with its own number.
    case recorded(WorkerBoot, UInt64)
    /// A gap leaf: these numbers are lost, to an unknown end when `through` is nil.
    case lost(WorkerBoot, from: UInt64, through: UInt64?)
    /// The process stopped cleanly.
    case stopped
    /// Nothing: the writer's own records.
    case nothing
    /// The record should have a number and has none.
    case malformed

    /// Reads the claim in the `core` of a record of `kind`.
    public init(kind: UInt8, core bytes: [UInt8]) {
        let core = CanonicalObject(bytes)
        switch kind {
        case 1, 2, 3, 4:
            guard let owner = SequenceClaim.owner(core, core), let sequence = core.integer("seq"),
                sequence > 0
            else {
                self = .malformed
                return
            }
            self = .recorded(owner, UInt64(sequence))
        case 7:
            let gap = core.object("gap") ?? core
            guard let owner = SequenceClaim.owner(gap, core), let from = gap.integer("from"),
                from > 0
            else {
                self = .malformed
                return
            }
            let through = gap.integer("to")
            guard (through ?? from) >= from else {
                self = .malformed
                return
            }
            self = .lost(owner, from: UInt64(from), through: through.map { UInt64($0) })
        case 6:
            self = core.string("event") == "stop" ? .stopped : .nothing
        default:
            self = .nothing
        }
    }

    private static func owner(_ object: CanonicalObject, _ core: CanonicalObject) -> WorkerBoot? {
        guard let text = object.string("boot") ?? core.string("boot"),
            let boot = UInt64(text, radix: 16), let worker = object.integer("worker"), worker >= 0
        else { return nil }
        return WorkerBoot(boot: boot, worker: UInt64(worker))
    }
}
