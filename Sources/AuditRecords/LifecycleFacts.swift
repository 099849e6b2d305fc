import Primitives

/// Why a range of sequences has no records.
public enum GapReason: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The process ended before they were durable (audit log format §7, row 9).
    case lostInCrash = 1
    /// A best-effort route's records found no room.
    case dropped
    /// The disk refused them.
    case writeFailed
    /// The writer was behind by more than a ring holds.
    case ringFull
    /// The disk had no room.
    case diskFull
    /// The file system could only be read.
    case readOnly
    /// The segment's file, or a folder of the log, was gone.
    case fileMissing
    /// The disk did not answer.
    case stalled

    /// The word that records use.
    public var word: StaticString {
        switch self {
        case .lostInCrash: "lost_in_crash"
        case .dropped: "dropped"
        case .writeFailed: "write_failed"
        case .ringFull: "ring_full"
        case .diskFull: "disk_full"
        case .readOnly: "read_only"
        case .fileMissing: "file_missing"
        case .stalled: "stalled"
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

extension RecordFacts {
    /// A gap as a worker tells the writer, through its ring and without any text: all `numbers` are
    /// lost.
    public init(
        lost numbers: ClosedRange<UInt64>, reason: GapReason, worker: UInt16, time: WallTime,
        instant: Instant
    ) {
        self.init()
        kind = .gap
        sequence = numbers.lowerBound
        linkedSequence = numbers.upperBound
        level = reason.rawValue
        self.worker = worker
        self.time = time
        self.instant = instant
    }

    /// The gap that these facts of kind `gap` tell of, in what the process `boot` recorded.
    public func gap(boot: UInt64) -> GapFacts {
        GapFacts(
            boot: boot, worker: worker, first: sequence, last: linkedSequence,
            reason: GapReason(rawValue: level) ?? .dropped)
    }
}

/// Whose certificates an event is about.
public enum CertificatePlace: Sendable, Equatable {
    /// Those that the listener of this name shows, and verifies clients with.
    case listener(String)
    /// Those that the upstream of this name is shown, and verified with.
    case upstream(String)

    fileprivate var member: (name: String, value: CanonicalValue) {
        switch self {
        case .listener(let name): ("listener", .string(name))
        case .upstream(let name): ("upstream", .string(name))
        }
    }
}

/// A certificate that was taken into use.
public struct RecordedCertificate: Sendable, Equatable {
    /// SHA-256 of its DER form.
    public var sha256: Digest256
    /// The names that it is for.
    public var names: [String]
    /// When it expires, in seconds since 1970.
    public var notAfterSeconds: Int64

    /// A certificate of these names.
    public init(sha256: Digest256, names: [String], notAfterSeconds: Int64) {
        self.sha256 = sha256
        self.names = names
        self.notAfterSeconds = notAfterSeconds
    }
}

/// Who sent a signal, as the kernel knows it (`sigaction(2)`, `si_uid` and `si_pid`).
public struct SignalSender: Sendable, Equatable {
    /// The real user id of the process that sent it.
    public var user: UInt32
    /// The number of that process.
    public var process: Int32

    /// The process `process` of the user `user`.
    public init(user: UInt32, process: Int32) {
        self.user = user
        self.process = process
    }
}

/// What happened to the log itself, or to what the proxy works with (kind 6).
public enum LifecycleEvent: Sendable, Equatable {
    /// A process began to write.
    case start(build: String, settings: Digest256, workers: Int)
    /// Settings were replaced by a reload that this process asked for.
    case reload(from: Digest256, to: Digest256, generation: SettingsGeneration, by: SignalSender)
    /// A reload that this process asked for changed nothing. The digest is that of the file, if it
    /// could be read.
    case reloadRefused(settings: Digest256?, why: String, by: SignalSender)
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
    /// These certificates are in use from now on.
    case certificatesLoaded(CertificatePlace, [RecordedCertificate])
    /// A new file was not taken; what was in use stays.
    case certificatesRefused(CertificatePlace, file: String, why: String)
    /// The settings say that an upstream is not to be verified.
    case upstreamVerificationDisabled(upstream: String)
    /// So many events came faster than they could be recorded.
    case eventsDropped(count: UInt64)
    /// So many messages could not be sent to journald.
    case journalLost(checkpoints: UInt64, events: UInt64, records: UInt64)
    /// A witness cosigns, from the checkpoint of this size on.
    case witnessCosigns(witness: String, size: UInt64)
    /// A witness can't be asked.
    case witnessUnreachable(witness: String, why: String)
    /// A witness does not cosign: HTTP's status says why.
    case witnessRefused(witness: String, status: Int)
    /// A witness has cosigned more entries than this log ever had: it was rolled back, or copied.
    case witnessAhead(witness: String, size: UInt64, own: UInt64)
    /// What the log's disk did.
    case disk(DiskEvent)
    /// The log begins anew: `source` has seen `seen` entries of the log `origin`, which has `had`.
    case rolledBack(origin: String, had: UInt64, seen: UInt64, source: String)

    /// The event's word, as its record says it.
    public var word: String {
        if case .string(let word)? = members["event"] { word } else { "" }
    }

    /// The event's word and what else its record holds.
    fileprivate var members: [String: CanonicalValue] {
        switch self {
        case .start(let build, let settings, let workers):
            [
                "event": .string("start"), "build": .string(build),
                "config": .string(settings.hexText), "workers": .integer(Int64(workers)),
            ]
        case .reload(let before, let settings, let generation, let sender):
            [
                "event": .string("reload"), "config": .string(settings.hexText),
                "config_before": .string(before.hexText), "pid": .integer(Int64(sender.process)),
                "generation": .integer(Int64(generation.number)),
                "uid": .integer(Int64(sender.user)),
            ]
        case .reloadRefused(let settings, let why, let sender):
            [
                "event": .string("reload_refused"), "why": .string(LifecycleEvent.cut(why)),
                "config": .string(settings?.hexText ?? ""), "uid": .integer(Int64(sender.user)),
                "pid": .integer(Int64(sender.process)),
            ]
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
        case .certificatesLoaded(let place, let certificates):
            LifecycleEvent.members(of: certificates, place)
        case .certificatesRefused(let place, let file, let why):
            [
                "event": .string("certificates_refused"), place.member.name: place.member.value,
                "file": .string(LifecycleEvent.cut(file)), "why": .string(LifecycleEvent.cut(why)),
            ]
        case .upstreamVerificationDisabled(let upstream):
            [
                "event": .string("upstream_verification_disabled"),
                "upstream": .string(upstream),
            ]
        case .eventsDropped(let count):
            ["event": .string("events_dropped"), "count": .count(count)]
        case .journalLost(let checkpoints, let events, let records):
            [
                "event": .string("journal_lost"), "checkpoints": .count(checkpoints),
                "events": .count(events), "records": .count(records),
            ]
        case .witnessCosigns(let witness, let size):
            [
                "event": .string("witness_cosigns"), "witness": .string(witness),
                "size": .count(size),
            ]
        case .witnessUnreachable(let witness, let why):
            [
                "event": .string("witness_unreachable"), "witness": .string(witness),
                "why": .string(LifecycleEvent.cut(why)),
            ]
        case .witnessRefused(let witness, let status):
            [
                "event": .string("witness_refused"), "witness": .string(witness),
                "status": .integer(Int64(status)),
            ]
        case .witnessAhead(let witness, let size, let own):
            [
                "event": .string("witness_ahead"), "witness": .string(witness),
                "size": .count(size), "own_size": .count(own),
            ]
        case .disk(let event): event.members
        case .rolledBack(let origin, let had, let seen, let source):
            [
                "event": .string("rolled_back"), "origin": .string(origin), "had": .count(had),
                "seen": .count(seen), "source": .string(source),
            ]
        }
    }

    /// Bytes that the certificates of one event may take.
    private static let certificateBytes = 32 << 10
    /// Longest text of a file's name or of what is wrong with it, in Unicode scalars.
    private static let textScalars = 1024

    /// Names all certificates while there is room: then those without their names, then a count.
    private static func members(
        of certificates: [RecordedCertificate], _ place: CertificatePlace
    ) -> [String: CanonicalValue] {
        var room = certificateBytes
        var listed: [CanonicalValue] = []
        for certificate in certificates {
            var members: [String: CanonicalValue] = [
                "not_after": .integer(certificate.notAfterSeconds),
                "sha256": .string(certificate.sha256.hexText),
            ]
            let bare = CanonicalValue.object(members)
            members["names"] = .array(certificate.names.map { .string($0) })
            let named = CanonicalValue.object(members)
            let value = named.bytes.count < room ? named : bare
            room -= value.bytes.count + 1
            guard room >= 0 else { break }
            listed.append(value)
        }
        var members: [String: CanonicalValue] = [
            "event": .string("certificates_loaded"), place.member.name: place.member.value,
            "certificates": .array(listed),
        ]
        if listed.count < certificates.count {
            members["omitted"] = .integer(Int64(certificates.count - listed.count))
        }
        return members
    }

    private static func cut(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(textScalars)))
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
        return encode(["gap": .object(members)], time: time, instant: instant, into: &writer)
    }

    /// Appends the parts of a lifecycle record; subject and detail are empty objects.
    public func encode(
        _ event: LifecycleEvent, time: WallTime, instant: Instant, into writer: inout ByteWriter
    ) -> RecordParts {
        encode(event.members, time: time, instant: instant, into: &writer)
    }

    /// Appends the parts of a record of the writer's own, whose core says `members` beside what
    /// each of them says.
    public func encode(
        _ members: [String: CanonicalValue], time: WallTime, instant: Instant,
        into writer: inout ByteWriter
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
