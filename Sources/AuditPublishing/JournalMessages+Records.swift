import AuditRecords
import AuditSegments
import AuditWriter

/// The messages of records: a line for people, and a field for each thing that one may search by.
extension JournalMessages {
    /// `MESSAGE_ID` of a record.
    public static let recordIdentifier = "12af8546ac034b6ba5df50cf3bc59f2a"

    /// The message of `record` in the log `origin`.
    public static func entry(_ record: PublishedRecord, origin: String) -> JournalEntry {
        let texts = RecordTexts(record)
        var entry = JournalEntry(
            texts.line(record), identifier: recordIdentifier,
            priority: priority(record.outcome, texts))
        entry.add("SALLYPORT_EVENT", word(record.kind))
        entry.add("SALLYPORT_ORIGIN", origin)
        entry.add("SALLYPORT_INDEX", "\(record.index)")
        entry.add("SALLYPORT_OUTCOME", record.outcome.word.description)
        let core = texts.core
        func add(_ name: StaticString, _ value: String?) {
            if let value { entry.add(name, value) }
        }
        func number(_ object: CanonicalObject?, _ member: StaticString) -> String? {
            (object?.integer(member)).map { "\($0)" }
        }
        add("SALLYPORT_RECEIPT", texts.receipt(origin: origin))
        add("SALLYPORT_TIMESTAMP", number(core, "ts"))
        add("SALLYPORT_REQUEST_ID", core.string("request_id"))
        add("SALLYPORT_TRACE_ID", core.string("trace_id"))
        add("SALLYPORT_REASON", texts.reason)
        add("SALLYPORT_STATUS", texts.status)
        add("SALLYPORT_METHOD", texts.method)
        add("SALLYPORT_AUTHORITY", texts.authority)
        add("SALLYPORT_PATH", texts.path)
        add("SALLYPORT_USER_AGENT", texts.detail.string("user_agent"))
        add("SALLYPORT_LISTENER", core.string("listener"))
        add("SALLYPORT_ROUTE", core.string("route"))
        add("SALLYPORT_LIMIT", core.object("limit")?.string("name"))
        add("SALLYPORT_ISSUER", core.object("auth")?.string("issuer"))
        add("SALLYPORT_ERROR_SOURCE", texts.errorSource)
        add("SALLYPORT_UPSTREAM", core.object("upstream")?.string("name"))
        add("SALLYPORT_UPSTREAM_STATUS", number(core.object("upstream"), "status"))
        add("SALLYPORT_BYTES_IN", number(core.object("bytes"), "in"))
        add("SALLYPORT_BYTES_OUT", number(core.object("bytes"), "out"))
        add("SALLYPORT_DURATION_US", number(core.object("us"), "total"))
        add("SALLYPORT_CLIENT", texts.client)
        add("SALLYPORT_PEER", texts.subject.string("peer_ip"))
        add("SALLYPORT_ADDRESS_KEY", texts.subject.string("address_key"))
        add("SALLYPORT_SUBJECT", texts.subjectName)
        add("SALLYPORT_CLIENT_ID", texts.subject.string("client_id"))
        add("SALLYPORT_SUBJECT_KEY", texts.subject.string("subject_key"))
        return entry
    }

    private static func word(_ kind: RecordKind) -> String {
        switch kind {
        case .decision: "decision"
        case .completion: "completion"
        case .authentication: "handshake"
        default: "request"
        }
    }

    private static func priority(_ outcome: Outcome, _ texts: RecordTexts) -> JournalEntry.Priority
    {
        switch outcome {
        case .allow: .info
        case .deny, .throttle: .notice
        case .error: texts.errorSource == "client" ? .notice : .warning
        }
    }
}

/// What a message says of a record, out of its parts.
private struct RecordTexts {
    let core: CanonicalObject
    let subject: CanonicalObject
    let detail: CanonicalObject
    let method, status, reason, path, authority, client, subjectName, errorSource: String?

    init(_ record: PublishedRecord) {
        core = CanonicalObject(record.part(0))
        subject = CanonicalObject(record.part(1))
        detail = CanonicalObject(record.part(2))
        method = core.string("method")
        status = core.integer("status").map { "\($0)" }
        reason = core.string("reason")
        errorSource = core.object("error")?.string("source")
        path = detail.string("path")
        authority = detail.string("authority")
        client = subject.string("client_ip") ?? subject.string("peer_ip")
        subjectName = subject.string("sub")
    }

    /// `deny 401 auth.token_missing: GET api.example/v1/x from 192.0.2.1`
    func line(_ record: PublishedRecord) -> String {
        var line = record.outcome.word.description
        if let status { line += " \(status)" }
        if let reason { line += " \(reason)" }
        line += ":"
        line += record.kind == .authentication ? " TLS handshake" : " \(method ?? "request")"
        if authority != nil || path != nil { line += " \(authority ?? "")\(path ?? "")" }
        if let client { line += " from \(client)" }
        if let subjectName { line += " for \(subjectName)" }
        return line
    }

    /// What the response's and the upstream's `audit-receipt` says.
    func receipt(origin: String) -> String? {
        guard let boot = core.string("boot"), let worker = core.integer("worker"),
            let sequence = core.integer("seq"), sequence > 0
        else { return nil }
        return "\(origin.suffix(16)).\(boot).\(worker).\(sequence)"
    }
}
