import AuditSegments
import Crypto
import Primitives

/// One record, as found in a log.
struct LogRecord {
    /// Index in the log.
    let index: UInt64
    let record: StoredRecord
    /// What the tree holds of it.
    let entry: [UInt8]
    let leaf: Digest256
    /// Whether the record is the one that the entry commits to.
    let isCommitted: Bool

    var core: AuditSegments.CanonicalObject { AuditSegments.CanonicalObject(record.part(0)) }
    var subject: AuditSegments.CanonicalObject { AuditSegments.CanonicalObject(record.part(1)) }
    var detail: AuditSegments.CanonicalObject { AuditSegments.CanonicalObject(record.part(2)) }

    /// When it happened, by its own account.
    var time: WallTime? { core.integer("ts").map { WallTime(microseconds: $0) } }
}

/// A log's records in order, in memory of one batch.
struct RecordStream: ~Copyable {
    let folder: LogFolder
    private let identities: [AgeIdentity]
    private var hasher: TreeHasher
    private var segments: ArraySlice<UInt64>
    private var pieces: SegmentPieces?
    private var pending: ArraySlice<LogRecord> = []
    /// Batches that could not be read, and why.
    private var problems: [String] = []
    /// Records that are encrypted, to nobody whose identity is here.
    private(set) var unopenedCount = 0
    /// Whether those are passed on without their parts, for what only needs their entries.
    var passesUnopened = false
    /// Records before this time are skipped a batch at a time.
    var since = WallTime(microseconds: .min)

    init(_ folder: LogFolder, identities: [AgeIdentity] = []) throws(ToolError) {
        self.folder = folder
        self.identities = identities
        segments = folder.segments[...]
        hasher = try TreeHasher.ofTool()
    }

    /// What could not be read, and why.
    var complaints: [String] {
        guard unopenedCount > 0 else { return problems }
        let hint =
            identities.isEmpty
            ? "name an age identity with --identity" : "none of the identities opens them"
        return problems + ["\(unopenedCount) records are encrypted: \(hint)"]
    }

    /// Goes on at the batch that holds the record `index`, or behind all that exist.
    mutating func seek(to index: UInt64) throws(ToolError) {
        let all = folder.segments
        // The last segment whose first batch does not begin behind the index.
        var place = 0
        for (position, number) in all.enumerated().reversed() {
            var reader = SegmentPieces(path: folder.segmentPath(number))
            guard let head = try? reader.next(sealed: false), head.header.type == .head,
                let first = (try? SegmentHead(json: head.clear))?.firstIndex
            else { continue }
            if first <= index {
                place = position
                break
            }
        }
        segments = all[place...]
        pieces = nil
        pending = []
        guard let number = segments.popFirst() else { return }
        var reader = SegmentPieces(path: folder.segmentPath(number))
        var before = reader
        while let piece = try? reader.next(sealed: false) {
            if piece.header.type == .batch, let header = try? BatchHeader(clear: piece.clear.span),
                header.firstIndex + UInt64(header.count) > index
            {
                break
            }
            before = reader
        }
        pieces = before
    }

    /// The next record, or nil when there is none (yet): asking again later may find one.
    mutating func next() throws(ToolError) -> LogRecord? {
        while true {
            if let record = pending.popFirst() { return record }
            if pieces == nil {
                guard let number = segments.popFirst() else { return nil }
                pieces = SegmentPieces(path: folder.segmentPath(number))
            }
            do {
                guard let piece = try pieces?.next() else {
                    guard moveOn() else { return nil }
                    continue
                }
                if piece.header.type == .batch { try take(piece) }
            } catch {
                // The frames behind a broken one can't be found in this segment.
                if problems.last != "\(error)" { problems.append("\(error)") }
                guard moveOn() else { return nil }
            }
        }
    }

    /// Leaves a segment that has ended; false while it is the last, which may still grow.
    private mutating func moveOn() -> Bool {
        if segments.isEmpty, let current = pieces?.path {
            segments = folder.segments.filter { folder.segmentPath($0) > current }[...]
        }
        guard !segments.isEmpty else { return false }
        pieces = nil
        return true
    }

    private mutating func take(_ piece: SegmentPieces.Piece) throws(ToolError) {
        let place = "\(pieces?.path ?? ""): batch at byte \(piece.offset)"
        do {
            let header = try BatchHeader(clear: piece.clear.span)
            if header.lastTime < since { return }
            var batch = try SealedBatch(
                piece.sealed.span, flags: piece.header.flags, identities: identities)
            var records: [LogRecord] = []
            while let record = try batch.next(), records.count < header.count {
                let entry = Array(piece.clear[BatchHeader.entryRange(records.count)])
                records.append(
                    LogRecord(
                        index: header.firstIndex + UInt64(records.count), record: record,
                        entry: entry, leaf: hasher.leaf(entry.span),
                        isCommitted: record.entry(&hasher) == entry))
            }
            if records.count < header.count { problems.append("\(place): records are missing") }
            pending = records[...]
        } catch EvidenceError.sealedEncrypted, EvidenceError.sealedForOthers {
            takeUnopened(piece)
        } catch {
            problems.append("\(place): \(error)")
        }
    }

    private mutating func takeUnopened(_ piece: SegmentPieces.Piece) {
        guard let header = try? BatchHeader(clear: piece.clear.span) else { return }
        unopenedCount += header.count
        guard passesUnopened else { return }
        pending =
            (0..<header.count).map { position in
                let entry = Array(piece.clear[BatchHeader.entryRange(position)])
                return LogRecord(
                    index: header.firstIndex + UInt64(position),
                    record: StoredRecord(kind: entry[3], parts: []), entry: entry,
                    leaf: hasher.leaf(entry.span), isCommitted: false)
            }[...]
    }
}
