import Primitives

/// Why a range of sequences has no records.
public enum GapReason: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The process ended before they were durable (audit log format §7, row 9).
    case lostInCrash = 1
    /// A best-effort route's records found no room.
    case dropped
    /// The disk refused them.
    case writeFailed

    /// The word that records use.
    public var word: StaticString {
        switch self {
        case .lostInCrash: "lost_in_crash"
        case .dropped: "dropped"
        case .writeFailed: "write_failed"
        }
    }
}

/// A range of sequences without records (kind 7): `first` to `last`, both missing.
///
/// After a crash nobody knows what the worker had counted up to; `last` is then nil.
public struct GapFacts: Sendable, Equatable, BitwiseCopyable {
    /// The process that the sequences belong to; it may be an earlier one.
    public var boot: UInt64
    /// The worker whose sequences they are.
    public var worker: UInt16
    /// The first missing sequence.
    public var first: UInt64
    /// The last missing sequence, when it is known.
    public var last: UInt64?
    /// Why they are missing.
    public var reason: GapReason

    /// A gap in what the process `boot` recorded.
    public init(boot: UInt64, worker: UInt16, first: UInt64, last: UInt64?, reason: GapReason) {
        self.boot = boot
        self.worker = worker
        self.first = first
        self.last = last
        self.reason = reason
    }
}

/// What happened to the log itself (kind 6).
public enum LifecycleEvent: Sendable, Equatable {
    /// A process began to write.
    case start(build: String, settings: Digest256, workers: Int)
    /// Settings were replaced by a reload.
    case reload(settings: Digest256)
    /// Nothing happened, and here is the proof: sequences used so far by each worker.
    case heartbeat(sequences: [UInt64])
    /// A process ended in order; nothing of it follows.
    case stop(sequences: [UInt64])
    /// The log was taken up again after a process that did not say stop.
    case recovered(boot: UInt64, records: UInt64)
    /// Bytes behind the last good frame were set aside.
    case torn(segment: String, bytes: UInt64, sha256: Digest256)
    /// Tiles disagreed with the frames and were written again.
    case tilesRewritten(count: UInt64)
    /// A file refused a write; what it lacks went into another.
    case segmentFailed(segment: String, code: Int64)

    /// The event's word and what else its record holds.
    fileprivate var members: [String: CanonicalValue] {
        switch self {
        case .start(let build, let settings, let workers):
            [
                "event": .string("start"), "build": .string(build),
                "config": .string(settings.hexText), "workers": .integer(Int64(workers)),
            ]
        case .reload(let settings):
            ["event": .string("reload"), "config": .string(settings.hexText)]
        case .heartbeat(let sequences):
            ["event": .string("heartbeat"), "sequences": .counts(sequences)]
        case .stop(let sequences):
            ["event": .string("stop"), "sequences": .counts(sequences)]
        case .recovered(let boot, let records):
            [
                "event": .string("recovered"), "from_boot": .string(boot.hexText),
                "records": .count(records),
            ]
        case .torn(let segment, let bytes, let digest):
            [
                "event": .string("torn"), "segment": .string(segment), "len": .count(bytes),
                "sha256": .string(digest.hexText),
            ]
        case .tilesRewritten(let count):
            ["event": .string("tiles_rewritten"), "count": .count(count)]
        case .segmentFailed(let segment, let code):
            [
                "event": .string("segment_failed"), "segment": .string(segment),
                "errno": .integer(code),
            ]
        }
    }
}

extension CanonicalValue {
    /// A count, held below 2^53.
    public static func count(_ number: UInt64) -> CanonicalValue {
        .integer(Int64(min(number, UInt64(largestInteger))))
    }

    fileprivate static func counts(_ numbers: [UInt64]) -> CanonicalValue {
        .array(numbers.map { .count($0) })
    }
}

extension PartsEncoder {
    /// Appends the parts of a gap's record; subject and detail are empty objects.
    public func encode(
        _ gap: GapFacts, time: WallTime, instant: Instant, into writer: inout ByteWriter
    ) -> RecordParts {
        var members: [String: CanonicalValue] = [
            "boot": .string(gap.boot.hexText), "worker": .integer(Int64(gap.worker)),
            "from": .count(gap.first), "reason": .string(gap.reason.word.description),
        ]
        if let last = gap.last { members["to"] = .count(last) }
        return append(["gap": .object(members)], time, instant, &writer)
    }

    /// Appends the parts of a lifecycle record; subject and detail are empty objects.
    public func encode(
        _ event: LifecycleEvent, time: WallTime, instant: Instant, into writer: inout ByteWriter
    ) -> RecordParts {
        append(event.members, time, instant, &writer)
    }

    private func append(
        _ members: [String: CanonicalValue], _ time: WallTime, _ instant: Instant,
        _ writer: inout ByteWriter
    ) -> RecordParts {
        var core = members
        core["v"] = .integer(1)
        core["ts"] = .integer(time.microseconds)
        core["mono"] = .count(instant.nanoseconds / 1000)
        core["boot"] = .string(instance.boot.hexText)
        if !instance.name.isEmpty { core["instance"] = .string(instance.name) }
        let bytes = CanonicalValue.object(core).bytes
        let start = writer.count
        writer.append(bytes.span)
        let subject = writer.count
        writer.append("{}")
        writer.append("{}")
        return RecordParts(
            core: ByteRange(start: start, count: subject - start),
            subject: ByteRange(start: subject, count: 2),
            detail: ByteRange(start: subject + 2, count: 2))
    }
}
