import AuditRecords
import AuditSegments
import Primitives

/// One record as a line of JSON, or as a row for people.
enum RecordLine {
    /// `{"core":…,"detail":…,"index":…,"kind":…,"leaf":…,"subject":…}` in RFC 8785 form.
    ///
    /// - Parameter salts: Adds the entry and the parts' salts: with them and `sha256sum`, the
    ///   leaf can be made by hand.
    static func json(_ record: LogRecord, salts: Bool = false) -> [UInt8] {
        var line = Array("{\"core\":".utf8) + part(record, 0)
        line += Array(",\"detail\":".utf8) + part(record, 2)
        if salts { line += Array(",\"entry\":\"\(hex(record.entry))\"".utf8) }
        line += Array(",\"index\":\(record.index),\"kind\":\"\(kind(record))\"".utf8)
        line += Array(",\"leaf\":\"\(record.leaf.hexText)\"".utf8)
        if salts {
            let texts = record.record.parts.map { "\"\(hex($0.salt))\"" }
            line += Array(",\"salts\":[\(texts.joined(separator: ","))]".utf8)
        }
        line += Array(",\"subject\":".utf8) + part(record, 1)
        return line + [UInt8(ascii: "}")]
    }

    /// The word for a record's kind.
    static func kind(_ record: LogRecord) -> String {
        switch RecordKind(rawValue: record.record.kind) {
        case .decision: "decision"
        case .completion: "completion"
        case .combined: "request"
        case .authentication: "authentication"
        case .administration: "administration"
        case .lifecycle: "lifecycle"
        case .gap: "gap"
        case .epochKey: "epoch_key"
        case .erasure: "erasure"
        case .access: "access"
        case nil: "unknown"
        }
    }

    /// A row for people: when, what came of it, who, what, why.
    static func row(_ record: LogRecord) -> String {
        let time = record.time.map { Timestamp.text($0) } ?? "?"
        let head = "\(pad(String(record.index), 8, right: true))  \(time)"
        return shown("\(head)  \(rest(record))")
    }

    private static func rest(_ record: LogRecord) -> String {
        let core = record.core
        let end: String
        switch RecordKind(rawValue: record.record.kind) {
        case .decision, .completion, .combined:
            let method = core.string("method") ?? "-"
            let path = record.detail.string("path") ?? "-"
            let route = core.string("route").map { " [\($0)]" } ?? ""
            let micro = core.object("us")?.integer("total").map { " \($0) µs" } ?? ""
            end = "\(method) \(path)\(route)\(reason(core))\(micro)"
        case .authentication:
            let tls = core.object("tls")
            let name = tls?.string("sni") ?? "-"
            let listener = core.string("listener").map { " [\($0)]" } ?? ""
            let alert = tls?.string("alert").map { " alert \($0)" } ?? ""
            let micro = tls?.integer("handshake_us").map { " \($0) µs" } ?? ""
            end = "TLS \(name)\(listener)\(reason(core))\(alert)\(micro)"
        default:
            return "\(kind(record)) \(event(core))"
        }
        let status = core.integer("status").map { String($0) } ?? "-"
        let outcome = core.string("outcome") ?? "?"
        let who = record.subject.string("sub") ?? record.subject.string("peer_ip") ?? "-"
        return "\(pad(status, 3)) \(pad(outcome, 8)) \(pad(who, 20)) \(end)"
    }

    private static func reason(_ core: AuditSegments.CanonicalObject) -> String {
        core.string("reason").map { " (\($0))" } ?? ""
    }

    static func event(_ core: AuditSegments.CanonicalObject) -> String {
        if let gap = core.object("gap") {
            let last = gap.integer("to").map { String($0) } ?? "?"
            return "\(gap.string("boot") ?? "?").\(gap.integer("worker") ?? -1)."
                + "\(gap.integer("from") ?? -1)-\(last) \(gap.string("reason") ?? "")"
        }
        let name = core.string("event") ?? ""
        let place =
            core.string("listener").map { " listener \($0)" }
            ?? core.string("upstream").map { " upstream \($0)" } ?? ""
        switch name {
        case "certificates_loaded":
            let certificates = core.objects("certificates") ?? []
            return name + place + certificates.map { ", \(certificate($0))" }.joined()
        case "certificates_refused":
            return "\(name)\(place), \(core.string("file") ?? "?"): \(core.string("why") ?? "?")"
        case "upstream_verification_disabled":
            return name + place
        case "rolled_back":
            return "\(name) \(core.string("origin") ?? "?"): it had \(core.integer("had") ?? -1) "
                + "entries, \(core.string("source") ?? "?") has seen \(core.integer("seen") ?? -1)"
        case "events_dropped":
            return "\(name) \(core.integer("count") ?? -1)"
        default:
            return "\(name) \(core.string("boot") ?? "")"
        }
    }

    /// The names of a certificate, the beginning of its digest, and until when it is valid.
    private static func certificate(_ members: AuditSegments.CanonicalObject) -> String {
        let names = members.strings("names").map { "\($0.joined(separator: " ")) " } ?? ""
        let digest = members.string("sha256")?.prefix(16) ?? "?"
        let end = members.integer("not_after").map {
            Timestamp.text(WallTime(microseconds: $0 &* 1_000_000)).prefix(10)
        }
        return "\(names)\(digest) until \(end ?? "?")"
    }

    /// `text` as a terminal may have it: what a log says is not ours.
    static func shown(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            switch properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: scalars.append("\u{FFFD}")
            default: scalars.append(properties.isBidiControl ? "\u{FFFD}" : scalar)
            }
        }
        return String(scalars)
    }

    /// A part's JSON; one that would not stay within its line is not shown at all.
    private static func part(_ record: LogRecord, _ number: Int) -> [UInt8] {
        let bytes = record.record.part(number)
        guard AuditSegments.CanonicalObject(bytes).isObject,
            bytes.span.firstControl(from: 0) == bytes.count
        else { return Array("null".utf8) }
        return bytes
    }

    private static func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return right ? space + text : text + space
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
