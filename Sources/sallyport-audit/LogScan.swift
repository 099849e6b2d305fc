import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Where a record stands.
struct RecordPlace: Equatable, Sendable {
    /// Number of the first frame of its segment.
    let segment: UInt64
    /// Number of its batch's frame.
    let frame: UInt64
}

/// A batch that was not left out, as read.
struct ScannedBatch: Sendable {
    let place: RecordPlace
    let path: String
    let offset: UInt64
    let flags: UInt8
    let header: BatchHeader
    let clear: [UInt8]
    let sealed: [UInt8]
    /// What opens the records when they are encrypted.
    let identities: [AgeIdentity]

    /// The batch in a frame.
    init(
        _ piece: SegmentPieces.Piece, segment: UInt64, path: String, identities: [AgeIdentity]
    ) throws(ToolError) {
        do {
            header = try BatchHeader(clear: piece.clear.span)
        } catch {
            throw .evidence("\(path): batch at byte \(piece.offset): \(error)")
        }
        place = RecordPlace(segment: segment, frame: piece.header.number)
        self.path = path
        offset = piece.offset
        flags = piece.header.flags
        clear = piece.clear
        sealed = piece.sealed
        self.identities = identities
    }

    /// How the complaint about a batch begins that no identity opens.
    static let unopened = "records are encrypted: "

    /// The records, each passed to `body`; false from it ends the batch.
    ///
    /// - Parameter needle: Bytes that a record must have to be asked for: a batch without them is
    ///   not taken apart.
    /// - Returns: What is wrong with the batch; nil when nothing is.
    func forEach(
        having needle: [UInt8]? = nil, _ body: (StoredRecord, _ index: UInt64) -> Void
    ) -> String? {
        do {
            var batch = try SealedBatch(sealed.span, flags: flags, identities: identities)
            if let needle, !batch.holds(needle) { return nil }
            var position = 0
            while position < header.count, let record = try batch.next() {
                body(record, header.firstIndex + UInt64(position))
                position += 1
            }
            return position < header.count ? "\(words): records are missing" : nil
        } catch EvidenceError.sealedEncrypted {
            return ScannedBatch.unopened + "name an age identity with --identity"
        } catch EvidenceError.sealedForOthers {
            return ScannedBatch.unopened + "none of the identities opens them"
        } catch {
            return "\(words): \(error)"
        }
    }

    /// The record at `index` with its leaf, and whether the entry commits to it.
    func record(
        _ record: StoredRecord, _ index: UInt64, _ hasher: inout TreeHasher
    ) -> LogRecord {
        let entry = Array(clear[BatchHeader.entryRange(Int(index - header.firstIndex))])
        return LogRecord(
            index: index, record: record, entry: entry, leaf: hasher.leaf(entry.span),
            isCommitted: record.entry(&hasher) == entry)
    }

    private var words: String { "\(path): batch at byte \(offset)" }
}

/// Reads a log's batches in order and has all cores look into them.
struct LogScan {
    let folder: LogFolder
    private let identities: [AgeIdentity]
    var selection = BatchSelection()
    /// Says which batches of indexed segments may hold what the filter asks for.
    var search: (index: SearchIndex, filter: RecordFilter)?
    private(set) var count = ScanCount()
    /// What could not be read, and why.
    private(set) var complaints: [String] = []

    /// Batches in memory at a time, for each processor.
    private static let batchesAhead = 16

    init(
        _ folder: LogFolder, selection: BatchSelection = BatchSelection(),
        identities: [AgeIdentity] = []
    ) {
        self.folder = folder
        self.identities = identities
        self.selection = selection
    }

    /// Has `map` look into every wanted batch, and passes its results to `take` in order.
    ///
    /// - Parameter take: False ends the scan.
    mutating func run<Output: Sendable>(
        map: @escaping @Sendable (ScannedBatch, inout TreeHasher) -> Output,
        take: (Output) throws -> Bool
    ) throws {
        var waiting: [ScannedBatch] = []
        let segments = folder.segments
        let limit = LogScan.batchesAhead * Processors.count
        for (position, number) in segments.enumerated() {
            Progress.show(position, of: segments.count)
            var source = try batches(of: number)
            var taken = 0
            count.segments += 1
            while let batch = next(&source) {
                taken += 1
                waiting.append(batch)
                guard waiting.count == limit else { continue }
                guard try LogScan.look(&waiting, map, take) else {
                    Progress.show(segments.count, of: segments.count)
                    return
                }
            }
            if taken == 0 { count.skippedSegments += 1 }
        }
        _ = try LogScan.look(&waiting, map, take)
        Progress.show(segments.count, of: segments.count)
    }

    private static func look<Output: Sendable>(
        _ waiting: inout [ScannedBatch],
        _ map: @escaping @Sendable (ScannedBatch, inout TreeHasher) -> Output,
        _ take: (Output) throws -> Bool
    ) throws -> Bool {
        let batches = waiting
        waiting.removeAll(keepingCapacity: true)
        let outputs = ParallelWork.map(batches.count) { index, hasher in
            map(batches[index], &hasher)
        }
        for output in outputs {
            guard let output else { throw ToolError.evidence("OpenSSL has no SHA-256") }
            guard try take(output) else { return false }
        }
        return true
    }

    /// A segment's batches: those at known places, or all that one frame leads to the next.
    private struct SegmentBatches {
        let segment: UInt64
        var reader: SegmentPieces
        var boot: UInt64?
        var offsets: ArraySlice<UInt64>?
    }

    private mutating func batches(of number: UInt64) throws(ToolError) -> SegmentBatches {
        var source = SegmentBatches(
            segment: number, reader: SegmentPieces(path: folder.segmentPath(number)))
        guard let filter = search?.filter, let index = try search?.index.index(of: number) else {
            return source
        }
        let wanted = index.blocks.filter { $0.mayHold(filter, index.hasher) }
        count.indexedSegments += 1
        count.batches += index.blocks.count
        count.skippedBatches += index.blocks.count - wanted.count
        source.offsets = wanted.map(\.offset)[...]
        return source
    }

    /// The next wanted batch of a segment; nil at its end.
    private mutating func next(_ source: inout SegmentBatches) -> ScannedBatch? {
        do {
            if source.offsets != nil {
                guard let offset = source.offsets?.popFirst() else { return nil }
                source.reader = SegmentPieces(path: source.reader.path, offset: offset)
                guard let piece = try source.reader.next() else {
                    throw ToolError.unreadable(
                        file: source.reader.path, why: "it has become shorter")
                }
                return try ScannedBatch(
                    piece, segment: source.segment, path: source.reader.path,
                    identities: identities)
            }
            return try nextOfAll(&source.reader, source.segment, &source.boot)
        } catch {
            // The frames behind a broken one can't be found in this segment.
            complaints.append("\(error)")
            return nil
        }
    }

    private mutating func nextOfAll(
        _ reader: inout SegmentPieces, _ segment: UInt64, _ boot: inout UInt64?
    ) throws(ToolError) -> ScannedBatch? {
        while let piece = try reader.next(sealed: false) {
            if piece.header.type == .head {
                boot = (try? SegmentHead(json: piece.clear))?.boot
            }
            guard piece.header.type == .batch else { continue }
            let header: BatchHeader
            do {
                header = try BatchHeader(clear: piece.clear.span)
            } catch {
                complaints.append("\(reader.path): batch at byte \(piece.offset): \(error)")
                continue
            }
            count.batches += 1
            guard selection.wants(header, piece.clear.span, boot: boot) else {
                count.skippedBatches += 1
                continue
            }
            let whole = SegmentPieces.Piece(
                offset: piece.offset, header: piece.header, clear: piece.clear,
                sealed: try reader.sealed(of: piece))
            return try ScannedBatch(
                whole, segment: segment, path: reader.path, identities: identities)
        }
        return nil
    }
}

extension SegmentPieces {
    /// The sealed bytes of a piece that was read without them.
    func sealed(of piece: Piece) throws(ToolError) -> [UInt8] {
        do {
            let file = try ReadableFile(path: path)
            let start = piece.offset + UInt64(FrameHeader.byteCount + piece.header.clearCount)
            let bytes = try file.read(at: start, count: piece.header.sealedCount)
            guard bytes.count == piece.header.sealedCount else {
                throw ToolError.unreadable(file: path, why: "it has become shorter")
            }
            return bytes
        } catch let error as ToolError {
            throw error
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
    }
}
