import AuditRecords
import AuditSegments
import Crypto
import Primitives

extension RecordFilter {
    /// The batches that may hold what is asked for.
    var selection: BatchSelection {
        var selection = BatchSelection()
        selection.since = since
        selection.until = until
        let isOfRequest =
            requestID != nil || status != nil || outcome != nil || route != nil
            || clientCertificate != nil || fingerprint != nil || serverName != nil
        if isOfRequest {
            let kinds: [RecordKind] = [.decision, .completion, .combined, .authentication]
            selection.kinds = Set(kinds.map(\.rawValue))
        }
        return selection
    }

    /// Bytes that every record which is asked for has somewhere; nil when nothing is known.
    var needle: [UInt8]? {
        if let requestID {
            return Array("\"\(requestID.lowercased().filter { $0 != "-" })\"".utf8)
        }
        if let text, !text.isEmpty { return text }
        if let subject, RecordFilter.isPlain(subject) {
            return Array("\"sub\":\"\(subject)\"".utf8)
        }
        if let route, RecordFilter.isPlain(route) { return Array("\"route\":\"\(route)\"".utf8) }
        if let outcome, RecordFilter.isPlain(outcome) {
            return Array("\"outcome\":\"\(outcome)\"".utf8)
        }
        return nil
    }

    /// Whether `text` stands in JSON as it is.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                && byte != UInt8(ascii: "%")
        }
    }

    /// Passes the records of `folder` that are asked for to `take`, in order; false ends it.
    ///
    /// - Returns: How much was looked at, and what could not be read.
    func search(
        _ folder: LogFolder, identities: [AgeIdentity] = [], take: (LogRecord) -> Bool
    ) throws -> (count: ScanCount, complaints: [String]) {
        struct Found: Sendable {
            var records: [LogRecord] = []
            var complaint: String?
        }
        var scan = LogScan(folder, selection: selection, identities: identities)
        var complaints: [String] = []
        let (filter, bytes) = (self, needle)
        try scan.run(
            map: { batch, hasher in
                var found = Found()
                found.complaint = batch.forEach(having: bytes) { record, index in
                    // Hashing costs more than looking.
                    let bare = LogRecord(
                        index: index, record: record, entry: [], leaf: .zero, isCommitted: true)
                    guard filter.matches(bare) else { return }
                    found.records.append(batch.record(record, index, &hasher))
                }
                return found
            },
            take: { found in
                if let complaint = found.complaint { complaints.append(complaint) }
                return found.records.allSatisfy(take)
            })
        return (scan.count, complaints + scan.complaints)
    }
}
