import Primitives

/// Where a verification begins.
public enum VerificationScope: Sendable {
    /// At the log's first frame.
    case whole
    /// At this segment, named by the number of its first frame: the records before it are not
    /// read, and the tree before it is what the tiles say, which the first checkpoint proves.
    case since(segment: UInt64)
    /// Where an earlier verification ended.
    case resumed(VerifiedPrefix)
}

extension LogVerifier {
    /// Prepares for the segments that `scope` asks for, and answers their numbers.
    mutating func begin(_ scope: VerificationScope, among numbers: [UInt64]) -> [UInt64] {
        switch scope {
        case .whole:
            firstSegment = numbers.first ?? 0
            if firstSegment > 0 {
                beginView(at: firstSegment, isPruned: true)
            } else if numbers.isEmpty {
                add(.beginningMissing, LogLayout.segments)
            }
            return numbers
        case .since(let segment):
            guard segment != numbers.first, numbers.contains(segment) else {
                return begin(.whole, among: numbers)
            }
            firstSegment = segment
            beginView(at: segment, isPruned: false)
            return numbers.filter { $0 >= segment }
        case .resumed(let prefix):
            resume(prefix)
            firstSegment = numbers.first ?? 0
            let present = Set(numbers)
            missingSegments = prefix.segments.filter { !present.contains($0) }
            if !missingSegments.isEmpty, let head = head(of: firstSegment)?.head {
                report.pruned = max(report.pruned, head.firstIndex)
            }
            return numbers.filter { $0 >= prefix.nextNumber }
        }
    }

    /// Takes the tree before a segment from the tiles, and the rest from its head.
    ///
    /// - Parameter isPruned: Whether there is nothing before the segment: then every tile and note
    ///   of what was there is still compared.
    private mutating func beginView(at segment: UInt64, isPruned: Bool) {
        isView = true
        epochs.beginInside()
        previousDigest = nil
        guard let (header, head) = head(of: segment) else {
            // The segment is named as broken when it is read.
            if isPruned { add(.beginningMissing, LogLayout.segments) }
            isTreeWhole = false
            return
        }
        reader.resume(number: header.number, previous: header.previous, index: head.firstIndex)
        report.start = head.firstIndex
        if isPruned {
            report.pruned = head.firstIndex
            takePruned(size: head.firstIndex)
        } else {
            takeTree(size: head.firstIndex)
        }
    }

    /// The head that the segment begins with, by its own word.
    private func head(of segment: UInt64) -> (header: FrameHeader, head: SegmentHead)? {
        let file = "\(LogLayout.segments)/\(LogLayout.segmentName(segment))"
        guard let bytes = source.read(file), let header = try? FrameHeader(bytes.span),
            header.type == .head, header.frameCount <= bytes.count
        else { return nil }
        let start = FrameHeader.byteCount
        let head = try? SegmentHead(json: Array(bytes[start..<start + header.clearCount]))
        return head.map { (header, $0) }
    }

    private mutating func resume(_ verified: VerifiedPrefix) {
        prefix = verified
        reader.resume(
            number: verified.nextNumber, previous: verified.previousFrame, index: verified.size)
        previousDigest = verified.previousSegment
        report = verified.report
        report.start = verified.size
        isView = verified.isView
        begunBoots = verified.begunBoots
        floors = verified.floors
        accounts = verified.accounts
        openEnds = verified.openEnds
        used = verified.used
        tornTails = verified.tornTails
        decisions = verified.decisions
        seenBoots = Set(verified.accounts.keys.map(\.boot)).union([verified.head.boot])
        noteCursor = verified.noteCursor
        epochs = verified.epochs
        wholeSegments = verified.segments
        // Its leaves are under a checkpoint: they allow what they say.
        if verified.minimum > 0 { minima = [(index: 0, minimum: verified.minimum)] }
        lastHead = verified.head
        // What the segments before are, the run before has said.
        secondIndex = .max
        boot = verified.head.boot
        hasStopped = verified.hasStopped
        takeTree(size: verified.size)
        guard isTreeWhole, tree.root(&hasher) != verified.root else { return }
        add(.historyDiffers(size: verified.size), LogLayout.tiles)
        isTreeWhole = false
    }

    /// Makes the tree of the first `size` entries out of the tiles.
    private mutating func takeTree(size: UInt64) {
        do {
            tree = try LogTree(size: size, tiles: source.tile, hasher: &hasher)
        } catch {
            add(.beginningUnprovable(error), LogLayout.tiles)
            isTreeWhole = false
        }
        tilesDone = size
        // Tiles of entries before are not compared.
        let width = UInt64(HashTree.tileWidth)
        listedTiles = listedTiles.filter { path, _ in
            path.index >= size >> UInt64((path.level ?? 0) * HashTree.tileHeight) / width
        }
    }

    /// What is proven when the segment `number` was the last one read; nil when that is not
    /// everything up to its end, or the log is not sealed there.
    mutating func verifiedPrefix(through number: UInt64) -> VerifiedPrefix? {
        wholeSegments.append(number)
        guard let digest = previousDigest, let head = lastHead, reader.isSealed, isTreeWhole,
            (report.heaviest ?? .notice) == .notice, report.checkpointSize == tree.size,
            compareNotes(through: notes.count) == nil, noteCursor.count == notes.count
        else { return nil }
        var verified = VerifiedPrefix(key: key, head: head, root: tree.root(&hasher))
        verified.size = tree.size
        verified.nextNumber = reader.nextNumber
        verified.previousFrame = reader.previous
        verified.previousSegment = digest
        verified.report = report.counters
        verified.isView = isView
        verified.accounts = accounts
        verified.begunBoots = isView ? begunBoots : []
        verified.floors = floors
        verified.openEnds = openEnds
        verified.used = used
        verified.tornTails = tornTails
        verified.decisions = decisions
        verified.noteCursor = noteCursor
        verified.noteCursor.count = 0
        verified.noteCursor.last = notes.last ?? noteCursor.last
        verified.segments = wholeSegments
        verified.epochs = epochs
        verified.minimum = allowedMinimum
        verified.hasStopped = hasStopped
        return verified
    }

    /// Those of the `missing` numbers that have to be in what was read.
    func askedFor(
        _ missing: [ClosedRange<UInt64>], of owner: WorkerBoot
    ) -> [ClosedRange<UInt64>] {
        guard isView, !begunBoots.contains(owner.boot) else { return missing }
        // Up to what the first heartbeat says was taken, numbers may be recorded before.
        guard let floor = floors[owner] else { return [] }
        return missing.compactMap { range in
            range.upperBound <= floor ? nil : max(range.lowerBound, floor + 1)...range.upperBound
        }
    }
}
