import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// A folder of segment indexes, beside a log and never in it: `<folder>/<log id>/<number>.aidx`.
///
/// An index is the auditor's own, made from records that were opened with the auditor's key: it
/// tells whoever reads it which subjects and addresses may be in the log. It is trusted to say
/// where nothing is. One that is damaged, or of another segment, is made again; one that somebody
/// forged would hide records, so that it belongs where the identity is kept, and `--no-index`
/// searches without it.
struct SearchIndex {
    private let folder: LogFolder
    private let path: String
    private let identities: [AgeIdentity]
    /// The secret of new indexes; nil for a new one each.
    private let hasher: TokenHasher?

    private static let ending = ".aidx"
    private static let limitBytes = 1 << 30
    /// More than a seal frame has.
    private static let sealBytes = 512

    /// The indexes of `folder` below `directory`, which is made when it is missing.
    init(
        _ folder: LogFolder, in directory: String, identities: [AgeIdentity],
        hasher: TokenHasher? = nil
    ) {
        self.hasher = hasher
        self.folder = folder
        self.identities = identities
        path = "\(directory)/\(folder.id)"
    }

    /// The index of a segment, made now where there is none; nil when the segment is not sealed,
    /// or not all of its records can be read.
    func index(of number: UInt64) throws(ToolError) -> SegmentIndex? {
        var hasher = try TreeHasher.ofTool()
        guard let ending = try ending(of: number, &hasher) else { return nil }
        if let index = read(number, &hasher), index.ending == ending { return index }
        guard let index = make(number, ending) else { return nil }
        try write(index, number, &hasher)
        return index
    }

    private func file(_ number: UInt64) -> String {
        "\(path)/\(number.twentyDigits)\(SearchIndex.ending)"
    }

    private func read(_ number: UInt64, _ hasher: inout TreeHasher) -> SegmentIndex? {
        guard let file = try? ReadableFile(path: file(number)), let size = try? file.size(),
            size <= SearchIndex.limitBytes,
            let bytes = try? file.read(at: 0, count: Int(size))
        else { return nil }
        return SegmentIndex(bytes, &hasher)
    }

    private func write(
        _ index: SegmentIndex, _ number: UInt64, _ hasher: inout TreeHasher
    ) throws(ToolError) {
        do {
            let place = try DurableDirectory.create(path: path)
            try place.replace(
                number.twentyDigits + SearchIndex.ending, index.bytes(&hasher).span)
        } catch {
            throw .unreadable(file: file(number), why: "\(error)")
        }
    }

    /// How the segment ends; nil when it is not sealed.
    private func ending(
        of number: UInt64, _ hasher: inout TreeHasher
    ) throws(ToolError) -> SegmentIndex.Ending? {
        do {
            let file = try ReadableFile(path: folder.segmentPath(number))
            let size = try file.size()
            let count = Int(min(size, UInt64(SearchIndex.sealBytes)))
            let end = try file.read(at: size - UInt64(count), count: count)
            // A seal's size varies by the digits of its index.
            for start in stride(from: count - FrameHeader.byteCount, through: 0, by: -8) {
                guard let header = try? FrameHeader(end.span.extracting(droppingFirst: start)),
                    header.type == .seal, header.frameCount == count - start
                else { continue }
                return SegmentIndex.Ending(
                    byteCount: size, sealOffset: size - UInt64(count - start),
                    sealDigest: hasher.plain(end.span.extracting(droppingFirst: start)))
            }
            return nil
        } catch {
            throw .unreadable(file: folder.segmentPath(number), why: "\(error)")
        }
    }

    /// Reads a whole segment on all cores; nil when not all of its records can be read.
    private func make(_ number: UInt64, _ ending: SegmentIndex.Ending) -> SegmentIndex? {
        let hasher =
            hasher ?? TokenHasher(first: RandomBytes.number(), second: RandomBytes.number())
        var batches: [ScannedBatch] = []
        var reader = SegmentPieces(path: folder.segmentPath(number))
        do {
            while let piece = try reader.next() {
                guard piece.header.type == .batch else { continue }
                batches.append(
                    try ScannedBatch(
                        piece, segment: number, path: reader.path, identities: identities))
            }
        } catch {
            return nil
        }
        let found = batches
        let results = ParallelWork.map(found.count) { position, _ in
            let batch = found[position]
            var maker = BlockSummaryMaker(offset: batch.offset, hasher: hasher)
            let complaint = batch.forEach { record, _ in maker.add(record) }
            return (summary: maker.finish(batch.header), complaint: complaint)
        }
        var blocks: [BlockSummary] = []
        for result in results {
            // What is wrong is said when the segment is searched without an index.
            guard let result, result.complaint == nil else { return nil }
            blocks.append(result.summary)
        }
        return SegmentIndex(ending: ending, hasher: hasher, blocks: blocks)
    }
}
