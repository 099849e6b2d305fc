import ArgumentParser
import AuditSegments
import Primitives

/// How records are printed.
enum RecordFormat: String, EnumerableFlag {
    case table, json, csv

    static func help(for value: RecordFormat) -> ArgumentHelp? {
        switch value {
        case .table: "Rows for people, also into a file or a pipe."
        case .json: "One JSON object a line, also on a terminal."
        case .csv: "Comma-separated values with a head line (RFC 4180)."
        }
    }
}

/// One record as a line of comma-separated values (RFC 4180).
///
/// A spreadsheet takes what begins with `=`, `+`, `-` or `@` for a formula, and what is in a log
/// comes from clients: such a value gets an apostrophe before it.
enum RecordRow {
    /// The head line.
    static let head = Array(
        ("index,time,kind,outcome,status,reason,method,route,path,subject,client,listener,"
            + "total_us,request_id,event,leaf").utf8)

    static func csv(_ record: LogRecord) -> [UInt8] {
        let core = record.core
        let subject = record.subject
        func number(_ value: Int64?) -> String { value.map { String($0) } ?? "" }
        let isOwn = core.string("event") != nil || core.object("gap") != nil
        let cells = [
            String(record.index), record.time.map { Timestamp.text($0) } ?? "",
            RecordLine.kind(record), core.string("outcome") ?? "", number(core.integer("status")),
            core.string("reason") ?? "", core.string("method") ?? "", core.string("route") ?? "",
            record.detail.string("path") ?? "", subject.string("sub") ?? "",
            subject.string("client_ip") ?? subject.string("peer_ip") ?? "",
            core.string("listener") ?? "", number(core.object("us")?.integer("total")),
            core.string("request_id") ?? "", isOwn ? RecordLine.event(core) : "",
            record.leaf.hexText,
        ]
        return Array(cells.map(cell).joined(separator: ",").utf8)
    }

    static func cell(_ text: String) -> String {
        var shown = RecordLine.shown(text)
        if let first = shown.first, "=+-@".contains(first) { shown = "'" + shown }
        guard shown.contains(where: { $0 == "," || $0 == "\"" || $0 == "'" }) else {
            return shown
        }
        return "\""
            + shown.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
    }
}
