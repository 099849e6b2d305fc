import Crypto
import Primitives

/// Proves a whole log, or names what is wrong with it, where, and up to when it held.
///
/// It checks that the frames of all segments follow each other; that each sealed record is the one
/// its entry commits to; that every checkpoint is signed by the key and names the root over the
/// entries before it; that per boot and worker every sequence number is a record or in a gap leaf;
/// and that tiles, published checkpoint and notes say the same as the segments.
///
/// Memory is that of one segment and of the sequences that are open.
public struct LogVerifier<Source: LogSource>: ~Copyable {
    let source: Source
    let key: NoteKey
    let readsRecords: Bool
    /// What opens encrypted batches; those that none opens are verified by what they say in clear.
    let identities: [AgeIdentity]
    var hasher: TreeHasher
    private let inspect: BatchInspector?
    /// Batches of the segment in hand that were looked into already, by their offset.
    var inspected: [Int: BatchInspection] = [:]
    var reader: FrameReader
    var tree: LogTree
    var report = VerificationReport()
    /// Whether the tree is that of all entries so far.
    var isTreeWhole = true
    /// Every note of a checkpoint frame that was read, hashed, in order.
    var notes: [Digest256] = []
    /// How far the notes files were compared with them.
    var noteCursor = NoteCursor()
    /// The file of notes that was read last.
    var noteFile: (name: String, bytes: [UInt8])?
    /// What was verified before; nil when this verification began by itself.
    var prefix: VerifiedPrefix?
    /// Whether the segments before the first one read are unknown, and which boots are not.
    var isView = false
    var begunBoots: Set<UInt64> = []
    /// Numbers of boots from before the first segment: what they took up to there is unknown.
    var floors: [WorkerBoot: UInt64] = [:]
    /// What leaves say is the first record that remains, each with the index of its leaf.
    var minima: [(index: UInt64, minimum: UInt64)] = []
    /// The first segment that was read, and where the records of the one behind it begin.
    var firstSegment: UInt64 = 0
    var secondIndex: UInt64?
    /// Segments that were verified before and are gone.
    var missingSegments: [UInt64] = []
    /// Segments that were found whole, by the numbers of their first frames.
    var wholeSegments: [UInt64] = []
    var accounts: [WorkerBoot: SequenceAccount] = [:]
    var openEnds: [WorkerBoot: UInt64] = [:]
    /// Numbers that heartbeats and stops say were taken.
    var used: [WorkerBoot: UInt64] = [:]
    var decisions = DecisionAccount()
    /// Boots whose segments were read, or whose numbers are known from before.
    var seenBoots: Set<UInt64> = []
    /// SHA-256 of the segment before; nil when that was not read.
    var previousDigest: Digest256? = .zero
    var isEndClean = true
    var boot: UInt64?
    /// The head of the segment in hand.
    var lastHead: SegmentHead?
    /// What leaves say was put aside: the digest and its segment.
    var tornTails: [Digest256: String] = [:]
    var hasStopped = false
    var epochs: EpochChain
    var listedTiles: [TilePath: Set<Int>] = [:]
    var tilesDone: UInt64 = 0
    /// Whole tiles that are not stored as such, and the widths that are.
    var incompleteTiles: [TilePath: Set<Int>] = [:]

    /// A verifier of the log in `source` against `key`.
    ///
    /// - Parameters:
    ///   - readsRecords: False leaves the sealed records and the sequences out, which is quicker.
    ///   - identities: What opens encrypted batches.
    ///   - inspect: Looks into a segment's batches at once, on other threads too.
    public init(
        source: Source, key: NoteKey, readsRecords: Bool = true, identities: [AgeIdentity] = [],
        inspect: BatchInspector? = nil
    ) throws(EvidenceError) {
        let library: CryptoLibrary
        do {
            library = try CryptoLibrary()
        } catch {
            throw .cryptographyFailed
        }
        let newHasher = try TreeHasher(library)
        let newReader = try FrameReader(library: library)
        hasher = newHasher
        reader = newReader
        tree = LogTree()
        self.source = source
        self.key = key
        epochs = EpochChain(identity: key)
        self.readsRecords = readsRecords
        self.inspect = inspect
        self.identities = identities
    }

    /// Reads everything and answers what it found.
    ///
    /// - Parameters:
    ///   - scope: Where to begin.
    ///   - keep: Given what is proven from the log's beginning on, each time that has grown.
    ///   - progress: Told how many of how many segments are read.
    public consuming func verify(
        _ scope: VerificationScope = .whole, keep: (VerifiedPrefix) -> Void = { _ in },
        progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) -> VerificationReport {
        report.origin = key.name
        listTiles()
        let names = source.files(in: LogLayout.segments).sorted()
        let numbers = begin(scope, among: names.compactMap { LogLayout.segmentNumber($0) })
        for (position, number) in numbers.enumerated() {
            let next = position + 1 < numbers.count ? numbers[position + 1] : nil
            verifySegment(number, next: next)
            checkTiles()
            if let verified = verifiedPrefix(through: number) { keep(verified) }
            progress(position + 1, numbers.count)
        }
        if isEndClean, !hasStopped, readsRecords, isTreeWhole, let last = numbers.last {
            let file = "\(LogLayout.segments)/\(LogLayout.segmentName(last))"
            add(.unstopped, file, weight: .unfinished)
        }
        checkOthers(names.filter { LogLayout.segmentNumber($0) == nil })
        finishSequences()
        if report.unopened > 0 {
            add(.unopened(batches: report.unopened), LogLayout.segments, weight: .notice)
        }
        finishTree()
        finishPruned()
        checkNotes()
        return report
    }

    mutating func add(
        _ problem: Problem, _ file: String, at offset: Int? = nil, weight: FindingWeight = .broken
    ) {
        report.add(
            Finding(
                weight: weight, problem: problem, file: file, offset: offset,
                provenSize: report.checkpointSize, provenUntil: report.checkpointTime))
    }

    // MARK: Segments

    private mutating func verifySegment(_ number: UInt64, next: UInt64?) {
        let file = "\(LogLayout.segments)/\(LogLayout.segmentName(number))"
        guard let bytes = source.read(file) else {
            add(.unreadable, file)
            isTreeWhole = false
            return
        }
        report.segments += 1
        prepare(bytes)
        reader.beginSegment()
        if reader.nextNumber != number {
            if isTreeWhole { add(.segmentName, file) }
            resume(at: bytes, number: number)
        }
        var offset = 0
        var isRefused = false
        while true {
            do {
                guard let frame = try reader.next(bytes.span, at: offset) else { break }
                report.frames += 1
                take(frame, bytes, file)
                offset = frame.end
            } catch {
                refuse(error, bytes, offset, file, isLast: next == nil)
                isRefused = true
                break
            }
        }
        // Zeros behind the last frame belong to a file that is still written to, or was when the
        // process was killed. They are cut off before it is sealed, or another one begins.
        if !isRefused, offset < bytes.count, next != nil || reader.isSealed {
            if next == nil {
                add(.tornTail(bytes: bytes.count - offset), file, at: offset, weight: .unfinished)
            } else {
                refuse(.frame(.magic), bytes, offset, file, isLast: false)
                isRefused = true
            }
        }
        if !reader.isSealed {
            isEndClean = false
            if !isRefused || next != nil {
                add(.unsealed, file, weight: next == nil ? .unfinished : .notice)
            }
        } else {
            isEndClean = true
        }
        let end = isRefused ? bytes.count : offset
        previousDigest = hasher.plain(bytes.span.extracting(first: end))
    }

    /// Has the segment's batches looked into, all at once.
    private mutating func prepare(_ bytes: [UInt8]) {
        inspected.removeAll(keepingCapacity: true)
        guard let inspect else { return }
        let places = BatchPlace.all(in: bytes)
        for (place, found) in zip(places, inspect(bytes, places)) {
            inspected[place.offset] = found
        }
    }

    /// Finds out where to go on, when what came before is broken.
    private mutating func resume(at bytes: [UInt8], number: UInt64) {
        isTreeWhole = false
        guard let header = try? FrameHeader(bytes.span), header.frameCount <= bytes.count else {
            return
        }
        let start = FrameHeader.byteCount
        let head = try? SegmentHead(json: Array(bytes[start..<start + header.clearCount]))
        reader.resume(
            number: header.number, previous: header.previous,
            index: head?.firstIndex ?? reader.nextIndex)
    }

    private mutating func refuse(
        _ error: EvidenceError, _ bytes: [UInt8], _ offset: Int, _ file: String, isLast: Bool
    ) {
        // Torn is only what nothing whole follows: a frame after it shows that it was whole once.
        let isTorn = isLast && !hasFrame(bytes, after: offset, from: reader.nextNumber)
        if isTorn {
            let end = bytes.span.countWithoutTrailingZeros
            add(.tornTail(bytes: end - offset), file, at: offset, weight: .unfinished)
            return
        }
        add(.frame(error), file, at: offset)
        if isTreeWhole { add(.unprovable(from: reader.nextIndex), file, at: offset) }
        isTreeWhole = false
    }

    private func hasFrame(_ bytes: [UInt8], after offset: Int, from number: UInt64) -> Bool {
        guard let library = try? CryptoLibrary(),
            let found = try? FrameReader.hasFrame(
                bytes, after: offset, from: number, library: library)
        else { return true }
        return found
    }

    private mutating func take(_ frame: Frame, _ bytes: [UInt8], _ file: String) {
        let clear = Array(bytes[frame.clear])
        switch frame.header.type {
        case .head: takeHead(clear, file, frame)
        case .batch: takeBatch(clear, bytes, frame, file)
        case .checkpoint: takeCheckpoint(clear, frame, file)
        case .seal: takeSeal(clear, bytes, frame, file)
        }
    }

    private mutating func takeHead(_ clear: [UInt8], _ file: String, _ frame: Frame) {
        guard let head = try? SegmentHead(json: clear) else {
            add(.frame(.headMalformed), file, at: 0)
            return
        }
        let follows = !isTreeWhole || head.firstIndex == tree.size
        if head.origin != key.name || head.verifierKey != key.text || !follows
            || (isTreeWhole && head.previousSegment != previousDigest ?? head.previousSegment)
        {
            add(.headContradicts, file, at: 0)
        }
        // Without the records nobody knows of a stop.
        let isStopped = hasStopped || boot == nil || boot == head.boot || !readsRecords
        if head.isClean, isTreeWhole, !isEndClean || !isStopped { add(.uncleanHidden, file, at: 0) }
        if let lastHead, lastHead.boot == head.boot,
            lastHead.build != head.build || lastHead.settingsDigest != head.settingsDigest
        {
            add(.headContradicts, file, at: 0)
        }
        if lastHead != nil, secondIndex == nil { secondIndex = head.firstIndex }
        if isView, lastHead != nil, boot != head.boot { begunBoots.insert(head.boot) }
        lastHead = head
        if boot != head.boot {
            // A process that has ended writes nothing more.
            if !seenBoots.insert(head.boot).inserted { add(.headContradicts, file, at: 0) }
            boot = head.boot
            report.boots += 1
            hasStopped = false
        }
    }

    private mutating func takeSeal(
        _ clear: [UInt8], _ bytes: [UInt8], _ frame: Frame, _ file: String
    ) {
        let digest = hasher.plain(bytes.span.extracting(first: frame.offset))
        guard let seal = try? SegmentSeal(json: clear), seal.digest == digest,
            seal.end == reader.nextIndex
        else {
            add(.sealContradicts, file, at: frame.offset)
            return
        }
        // The writer signs what there is before it seals.
        if isTreeWhole, report.checkpointSize < tree.size {
            add(.sealUncovered(entries: tree.size - report.checkpointSize), file, at: frame.offset)
        }
    }

    private mutating func takeCheckpoint(_ clear: [UInt8], _ frame: Frame, _ file: String) {
        notes.append(hasher.plain(clear.span))
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint(note: clear, key: key)
            if isTreeWhole { try epochs.verify(SignedNote(clear), boot: boot) }
        } catch {
            add(.checkpoint(error), file, at: frame.offset)
            return
        }
        guard isTreeWhole else { return }
        guard checkpoint.size == tree.size else {
            add(
                .checkpointSize(claimed: checkpoint.size, found: tree.size), file, at: frame.offset)
            return
        }
        guard checkpoint.root == tree.root(&hasher) else {
            add(.checkpointRoot(size: checkpoint.size), file, at: frame.offset)
            return
        }
        report.checkpoints += 1
        report.checkpointSize = checkpoint.size
        report.checkpointRoot = checkpoint.root
        report.checkpointTime = report.lastTime
    }

    private mutating func finishTree() {
        report.size = reader.nextIndex
        report.epochs = epochs.count
        report.epochsFrom = epochs.beginning
        guard isTreeWhole else { return }
        report.root = tree.root(&hasher)
        checkCoverage()
        checkLastTiles()
    }
}
