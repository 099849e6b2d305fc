import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// What happened in a period, counted.
struct LogSummary: Sendable {
    /// How often each of some words was seen.
    typealias Counts = [String: Int]

    /// Something that happened once, worth a line of its own.
    struct Happening: Sendable, Equatable {
        let index: UInt64
        let time: WallTime?
        let text: String
    }

    private(set) var records = 0
    /// Requests that ended.
    private(set) var requests = 0
    /// Decisions that were recorded before their request ended, less those that did end.
    private(set) var unfinished = 0
    private(set) var first: WallTime?
    private(set) var last: WallTime?
    private(set) var outcomes = Counts()
    private(set) var classes = Counts()
    private(set) var routes = Counts()
    private(set) var subjects = Counts()
    private(set) var addresses = Counts()
    private(set) var denials = Counts()
    private(set) var throttles = Counts()
    /// Errors by source and reason.
    private(set) var errors = Counts()
    /// Failed handshakes by reason.
    private(set) var handshakes = Counts()
    private(set) var gaps: [Happening] = []
    /// Starts, stops and changes of keys, certificates and settings.
    private(set) var changes: [Happening] = []
    /// Happenings past the limit.
    private(set) var omitted = 0
    /// Records that are not those their entries commit to.
    private(set) var uncommitted = 0

    private static let happeningLimit = 500

    /// Counts a record that passed `isCommitted` or not.
    mutating func add(_ record: LogRecord) {
        let core = record.core
        records += 1
        if !record.isCommitted { uncommitted += 1 }
        if let time = record.time {
            first = min(first ?? time, time)
            last = max(last ?? time, time)
        }
        switch RecordKind(rawValue: record.record.kind) {
        case .decision: unfinished += 1
        case .completion:
            unfinished -= 1
            addRequest(record, core)
        case .combined: addRequest(record, core)
        case .authentication:
            handshakes[core.string("reason") ?? "-", default: 0] += 1
        case .gap: happen(record, RecordLine.event(core), \.gaps)
        case .lifecycle where core.string("event") == "heartbeat": break
        default: happen(record, LogSummary.change(record, core), \.changes)
        }
    }

    private mutating func addRequest(
        _ record: LogRecord, _ core: AuditSegments.CanonicalObject
    ) {
        requests += 1
        let outcome = core.string("outcome") ?? "-"
        let reason = core.string("reason") ?? "-"
        outcomes[outcome, default: 0] += 1
        let status = core.integer("status").map { "\($0 / 100)xx" } ?? "none"
        classes[status, default: 0] += 1
        routes[core.string("route") ?? "(no route)", default: 0] += 1
        let subject = record.subject
        if let name = subject.string("sub") { subjects[name, default: 0] += 1 }
        let address = subject.string("client_ip") ?? subject.string("peer_ip") ?? "-"
        addresses[address, default: 0] += 1
        switch outcome {
        case "deny": denials[reason, default: 0] += 1
        case "throttle": throttles[reason, default: 0] += 1
        default: break
        }
        if let source = core.object("error")?.string("source") {
            errors["\(source): \(reason)", default: 0] += 1
        }
    }

    private mutating func happen(
        _ record: LogRecord, _ text: String, _ list: WritableKeyPath<LogSummary, [Happening]>
    ) {
        guard self[keyPath: list].count < LogSummary.happeningLimit else {
            omitted += 1
            return
        }
        self[keyPath: list].append(
            Happening(index: record.index, time: record.time, text: text))
    }

    private static func change(
        _ record: LogRecord, _ core: AuditSegments.CanonicalObject
    ) -> String {
        guard RecordKind(rawValue: record.record.kind) == .lifecycle else {
            return RecordLine.kind(record)
        }
        let build = core.string("build").map { ", build \($0)" } ?? ""
        let settings = core.string("config").map { ", settings \($0.prefix(16))" } ?? ""
        return RecordLine.event(core) + build + settings
    }

    /// Adds what `other`, a later part, counted.
    mutating func merge(_ other: LogSummary) {
        records += other.records
        requests += other.requests
        unfinished += other.unfinished
        uncommitted += other.uncommitted
        omitted += other.omitted
        if let time = other.first { first = min(first ?? time, time) }
        if let time = other.last { last = max(last ?? time, time) }
        outcomes.merge(other.outcomes, uniquingKeysWith: +)
        classes.merge(other.classes, uniquingKeysWith: +)
        routes.merge(other.routes, uniquingKeysWith: +)
        subjects.merge(other.subjects, uniquingKeysWith: +)
        addresses.merge(other.addresses, uniquingKeysWith: +)
        denials.merge(other.denials, uniquingKeysWith: +)
        throttles.merge(other.throttles, uniquingKeysWith: +)
        errors.merge(other.errors, uniquingKeysWith: +)
        handshakes.merge(other.handshakes, uniquingKeysWith: +)
        for (list, more) in [(\LogSummary.gaps, other.gaps), (\LogSummary.changes, other.changes)] {
            let room = max(0, LogSummary.happeningLimit - self[keyPath: list].count)
            self[keyPath: list] += more.prefix(room)
            omitted += max(0, more.count - room)
        }
    }

    /// Counts the records of `folder` from `since` until `until`.
    static func of(
        _ folder: LogFolder, since: WallTime?, until: WallTime?, identities: [AgeIdentity] = []
    ) throws -> (summary: LogSummary, complaints: [String]) {
        struct Part: Sendable {
            var summary = LogSummary()
            var complaint: String?
        }
        var selection = BatchSelection()
        selection.since = since
        selection.until = until
        var filter = RecordFilter()
        filter.since = since
        filter.until = until
        let wanted = filter
        var scan = LogScan(folder, selection: selection, identities: identities)
        var whole = LogSummary()
        var complaints: [String] = []
        try scan.run(
            map: { batch, hasher in
                var part = Part()
                part.complaint = batch.forEach { record, index in
                    let found = batch.record(record, index, &hasher)
                    if wanted.matches(found) { part.summary.add(found) }
                }
                return part
            },
            take: { part in
                whole.merge(part.summary)
                if let complaint = part.complaint { complaints.append(complaint) }
                return true
            })
        return (whole, complaints + scan.complaints)
    }
}
