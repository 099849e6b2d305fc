import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// A log whose first segments were deleted: the tree before the rest is what the tiles say, which
/// the checkpoints of the rest prove, and a leaf under one of them has to allow it (format §8).
extension LogRecovery {
    /// Begins at the first segment that is left.
    mutating func takePruned(_ folder: borrowing LogFolder, first name: String?) throws {
        guard let name, let number = LogLayout.segmentNumber(name), number > 0,
            let bytes = try folder.segments.read(name), bytes.span.countWithoutTrailingZeros > 0
        else { return }
        let header = try FrameHeader(bytes.span)
        let start = FrameHeader.byteCount
        guard header.type == .head, header.number == number, header.frameCount <= bytes.count else {
            throw AuditWriterError.logUnreadable(name)
        }
        let head = try SegmentHead(json: Array(bytes[start..<start + header.clearCount]))
        prunedCount = head.firstIndex
        let tiles = StoredTiles(paths: try LogRecovery.tiles(head.firstIndex, folder))
        tree = try LogTree(size: head.firstIndex, tiles: tiles.bytes, hasher: &hasher)
        tilesDone = head.firstIndex
        reader.resume(number: number, previous: header.previous, index: head.firstIndex)
    }

    /// Reads the tiles that the tree of `size` entries needs, each as wide as it is now.
    private static func tiles(
        _ size: UInt64, _ folder: borrowing LogFolder
    ) throws(SystemError) -> [TilePath: [UInt8]] {
        let width = UInt64(HashTree.tileWidth)
        var levels: [(level: Int?, count: UInt64)] = [(nil, size)]
        levels += (0..<8).map { ($0, size >> UInt64($0 * HashTree.tileHeight)) }
        var found: [TilePath: [UInt8]] = [:]
        // What a whole tile holds, the tile above it says.
        for (level, count) in levels where count % width > 0 {
            let path = TilePath(level: level, index: count / width, width: HashTree.tileWidth)
            if let whole = try folder.served.read(path.text) {
                found[path] = whole
                continue
            }
            let widths = try folder.storedWidths(path).compactMap { Int($0) }
            guard let widest = widths.max() else { continue }
            found[path] = try folder.served.read("\(path.partialFolder)/\(widest)")
        }
        return found
    }

    /// Takes over what a leaf in a batch says is the first record that remains.
    mutating func takeMinimum(
        _ header: BatchHeader, _ clear: [UInt8], _ sealed: Span<UInt8>, _ flags: UInt8
    ) throws {
        let kinds = (0..<header.count).map { clear[BatchHeader.entryRange($0).lowerBound + 3] }
        guard kinds.contains(RecordKind.erasure.rawValue) else { return }
        var minimum: UInt64 = 0
        if flags & FrameHeader.encrypted != 0 {
            minimum = try header.account(clear: clear).minimum
        } else {
            var batch = try SealedBatch(sealed, flags: flags)
            while let record = try batch.next() {
                guard record.kind == RecordKind.erasure.rawValue else { continue }
                minimum = max(minimum, BatchAccount.minimum(core: record.part(0)) ?? 0)
            }
        }
        if minimum > 0 { minima.append((header.firstIndex + UInt64(header.count), minimum)) }
    }

    /// Finds out how many epochs began in what is gone: the first one that is left has the next
    /// number.
    mutating func takePrunedEpochs(
        _ header: BatchHeader, _ clear: [UInt8], _ sealed: Span<UInt8>, _ flags: UInt8
    ) throws {
        guard prunedCount > 0, epochNumber == 0 else { return }
        let kinds = (0..<header.count).map { clear[BatchHeader.entryRange($0).lowerBound + 3] }
        guard kinds.contains(RecordKind.epochKey.rawValue) else { return }
        if flags & FrameHeader.encrypted != 0 {
            epochNumber = (try header.account(clear: clear).epochs.first?.number ?? 1) - 1
            return
        }
        var batch = try SealedBatch(sealed, flags: flags)
        while let record = try batch.next() {
            guard record.kind == RecordKind.epochKey.rawValue else { continue }
            epochNumber = try EpochCertificate(core: record.part(0)).number - 1
            return
        }
    }

    /// The first record that has to be there, by leaves that a checkpoint covers.
    private var minimum: UInt64 {
        let signed = checkpoint?.size ?? 0
        return minima.filter { $0.end <= signed && $0.minimum <= $0.end }.map(\.minimum).max() ?? 0
    }

    /// Makes sure that nothing was deleted that no signed leaf allows.
    func checkMinimum() throws(AuditWriterError) {
        guard prunedCount <= minimum else {
            throw .segmentsDeleted(before: prunedCount, allowed: minimum)
        }
    }

    /// Whether a note is for entries that were pruned.
    func isOfPruned(_ note: [UInt8]) -> Bool {
        guard prunedCount > 0, let claim = try? Checkpoint(note: note, key: key) else {
            return false
        }
        return claim.size <= prunedCount
    }

    /// What retention has to know of a segment whose frames end at `end`.
    func stored(_ name: String, _ bytes: [UInt8], end: Int) -> StoredSegment {
        var segment = StoredSegment(
            number: LogRecovery.number(name), firstIndex: tree.size,
            lastTime: WallTime(microseconds: .min), byteCount: UInt64(end))
        var offset = 0
        while offset < end,
            let header = try? FrameHeader(bytes.span.extracting(droppingFirst: offset))
        {
            let start = offset + FrameHeader.byteCount
            let clear = start..<start + header.clearCount
            if header.type == .head, let head = try? SegmentHead(json: Array(bytes[clear])) {
                segment.firstIndex = head.firstIndex
            } else if header.type == .batch,
                let batch = try? BatchHeader(clear: bytes.span.extracting(clear))
            {
                segment.lastTime = max(segment.lastTime, batch.lastTime)
            }
            offset += header.frameCount
        }
        return segment
    }

    /// What is left to be deleted, and the segments that are not.
    var retention: RetentionPlan {
        RetentionPlan(stored: storedSegments, end: tree.size, minimum: minimum)
    }

    /// Whether a head is that of the first segment that is left, and not the log's first.
    func isFirst(_ head: SegmentHead) -> Bool {
        prunedCount > 0 && head.firstIndex == prunedCount
    }
}

/// Tiles as they were read.
private struct StoredTiles {
    let paths: [TilePath: [UInt8]]

    func bytes(_ path: TilePath) -> [UInt8]? {
        paths[TilePath(level: path.level, index: path.index, width: HashTree.tileWidth)]
    }
}

extension LogRecovery.BootAccount {
    /// A heartbeat or a stop says that a worker had taken so many numbers.
    mutating func takeUsed(_ numbers: UInt64, worker: UInt64) {
        used[worker] = numbers
        if !isBegun, floors[worker] == nil { floors[worker] = numbers }
    }

    /// Those of the `missing` numbers that are not in a segment that was deleted.
    func askedFor(
        _ missing: [ClosedRange<UInt64>], of worker: UInt64
    ) -> [ClosedRange<UInt64>] {
        guard !isBegun else { return missing }
        guard let floor = floors[worker] else { return [] }
        return missing.compactMap { range in
            range.upperBound <= floor ? nil : max(range.lowerBound, floor + 1)...range.upperBound
        }
    }
}
