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
            || traceID != nil || reason != nil || method != nil || client != nil
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
        if let traceID, RecordFilter.isPlain(traceID) {
            return Array("\"\(traceID.lowercased())\"".utf8)
        }
        if let text, !text.isEmpty { return text }
        if let subject, person == nil, RecordFilter.isPlain(subject) {
            return Array("\"sub\":\"\(subject)\"".utf8)
        }
        if let route, RecordFilter.isPlain(route) { return Array("\"route\":\"\(route)\"".utf8) }
        if let reason, RecordFilter.isPlain(reason) {
            return Array("\"reason\":\"\(reason)\"".utf8)
        }
        if let outcome, RecordFilter.isPlain(outcome) {
            return Array("\"outcome\":\"\(outcome)\"".utf8)
        }
        return nil
    }

    /// Hashes of values that every record which is asked for has, as an index knows them.
    func tokens(_ hasher: TokenHasher) -> [UInt64] {
        var tokens: [UInt64] = []
        func add(_ field: TokenField, _ text: String?) {
            if let text { tokens.append(hasher.hash(field, text.utf8)) }
        }
        add(.requestID, requestID?.lowercased().filter { $0 != "-" })
        add(.traceID, traceID?.lowercased())
        if person == nil { add(.subject, subject) }
        add(.route, route)
        add(.reason, reason)
        add(.method, method)
        add(.serverName, serverName?.lowercased())
        // What a keyring uncovers stands in no record, and in no filter.
        guard !passesSealed else { return tokens }
        // Its beginning alone is in no filter, nor is text of a certificate's names.
        if fingerprint?.utf8.count == RecordFilter.fingerprintCount {
            add(.fingerprint, fingerprint)
        }
        let digest = clientCertificate?.lowercased().filter { $0 != ":" } ?? ""
        if digest.utf8.count == 64, digest.utf8.allSatisfy({ $0.hexValue != nil }) {
            add(.certificate, digest)
        }
        switch client {
        case .text(let text): tokens.append(hasher.hash(address: text))
        case .block(let range) where range.prefixBits == 128:
            tokens.append(hasher.hash(address: range.address))
        case .block, nil: break
        }
        return tokens
    }

    /// Characters of a JA4 fingerprint.
    private static let fingerprintCount = 36

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
        _ folder: LogFolder, identities: [AgeIdentity] = [], index: SearchIndex? = nil,
        take: (LogRecord) -> Bool
    ) throws -> (count: ScanCount, complaints: [String]) {
        struct Found: Sendable {
            var records: [LogRecord] = []
            var complaint: String?
        }
        var scan = LogScan(folder, selection: selection, identities: identities)
        scan.search = index.map { ($0, self) }
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
