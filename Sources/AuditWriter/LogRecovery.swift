import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// What a log holds, found out from its segments before anything is added (format §7).
///
/// Row 1: frames are accepted while they agree. Row 2: what follows the last good frame is copied
/// to `<segment>.torn`, then cut off. Row 3: the tree is rebuilt from the entries, and tiles that
/// disagree are written again. Row 4: every checkpoint that anybody may have seen has to be in a
/// frame, with the root of the entries before it; else recovery refuses. Row 9: sequence numbers
/// of boots that did not stop cleanly are accounted for.
///
/// It reads all frames once, in memory of one segment. Records are decompressed only where they are
/// needed: the last batch, to find the stop leaf; without one, the boots since the last clean stop.
/// Encrypted ones, for which this process has no key, say the same in their clear account.
struct LogRecovery: ~Copyable {
    var tree = LogTree()
    private(set) var nextNumber: UInt64 = 0
    private(set) var previous = Digest256.zero
    private(set) var previousSegment = Digest256.zero
    /// The last checkpoint in a frame, and its note.
    private(set) var checkpoint: Checkpoint?
    private(set) var note: [UInt8] = []
    /// Whether the log ended with a stop leaf and a seal.
    var isClean = true
    private(set) var lastBoot: UInt64 = 0
    /// What is behind the last frame, to be put right once the log is known to go on.
    var ending: SegmentEnding?
    /// The last epoch that the log has begun; 0 for none.
    var epochNumber: UInt64 = 0
    /// The log that this one replaces, as its heads say.
    var replaces: String?
    /// What others have seen of the log, by size, and how much of it was compared.
    var seen: [SeenCheckpoint]
    var seenCount = 0
    /// What was seen otherwise or larger: then nothing was put right here, and nothing may be added.
    var rolledBack: RolledBackLog?
    /// What has to be recorded about the recovery.
    var events: [LifecycleEvent] = []
    var gaps: [GapFacts] = []

    let key: NoteKey
    var hasher: TreeHasher
    var reader: FrameReader
    var boots: [BootAccount] = []
    /// Digests of the notes in frames, in order.
    var notes: [Digest256] = []
    var notePlaces: [(segment: Int, clear: Range<Int>)] = []
    /// Notes of the last frames that are not in the notes files.
    var unnoted: [[UInt8]] = []
    /// Whole tiles that are missing or disagree, and how many of them disagree.
    private var wrongTiles: [(path: TilePath, bytes: [UInt8])] = []
    private var differingTiles: UInt64 = 0
    var tilesDone: UInt64 = 0
    /// Place of the first segment of the boots since the last clean stop.
    private var firstOpenSegment = 0
    var firstOpenNumber: UInt64 = 0
    var lastBatch: [UInt8] = []
    var lastClear: [UInt8] = []
    var lastFlags: UInt8 = 0
    /// Torn tails that leaves speak of.
    var recordedTails: Set<Digest256> = []
    /// Entries before the first segment that is left: pruned, when a leaf allows it.
    var prunedCount: UInt64 = 0
    /// Minimum indices that leaves name, each with the index of its batch's end.
    var minima: [(end: UInt64, minimum: UInt64)] = []
    var storedSegments: [StoredSegment] = []

    /// One boot's sequence numbers, and what it said about them.
    struct BootAccount {
        let boot: UInt64
        var workers: [UInt64: SequenceAccount] = [:]
        /// Numbers that heartbeats say were taken.
        var used: [UInt64: UInt64] = [:]
        /// Workers whose end is closed by an open gap leaf already.
        var closed: Set<UInt64> = []
        /// Whether its beginning is there; else what it took before `floors` is unknown.
        var isBegun = true
        /// Numbers that its first heartbeat there says were taken.
        var floors: [UInt64: UInt64] = [:]
        /// Whether its last leaf is the stop: then it left nothing to account for.
        var hasStopped = false
    }

    init(
        key: NoteKey, seen: [SeenCheckpoint] = [], library: borrowing CryptoLibrary
    ) throws(EvidenceError) {
        let newHasher = try TreeHasher(library)
        let newReader = try FrameReader(library: library)
        hasher = newHasher
        reader = newReader
        self.key = key
        self.seen = seen
    }

    /// Reads the log in `folder` and puts aside what is torn.
    mutating func run(_ folder: borrowing LogFolder) throws(AuditWriterError) {
        do {
            let names = try folder.segments.names().map(\.name).filter {
                LogLayout.segmentNumber($0) != nil
            }
            try readPublished(folder)
            try takePruned(folder, first: names.first)
            for (position, name) in names.enumerated() {
                try readSegment(name, position, folder, isLast: position + 1 == names.count)
            }
            // A tree that ends before it was seen to end is not regrown (row 5).
            if rolledBack == nil, let last = seen.last, last.size > tree.size {
                rolledBack = RolledBackLog(origin: key.name, had: tree.size, seen: last)
            }
            guard rolledBack == nil else { return }
            try endSegment(folder)
            nextNumber = reader.nextNumber
            previous = reader.previous
            if nextNumber > 0 {
                let isStopped = try endsWithStop()
                isClean = isClean && isStopped && reader.isSealed
            }
            try checkPublished(folder, names)
            try checkMinimum()
            try checkTiles(folder)
            let tails = try tornFiles(folder)
            let isTailFresh = tails.contains { $0.number >= LogRecovery.number(names.last) }
            if !isClean || isTailFresh {
                for name in names.dropFirst(firstOpenSegment) { try readRecords(name, folder) }
                try recordTails(tails, folder)
            }
        } catch let error as SystemError {
            throw .system(error)
        } catch let error as AuditWriterError {
            throw error
        } catch let error as EvidenceError {
            throw .evidence(error)
        } catch {
            throw .evidence(.cryptographyFailed)
        }
        if !isClean, nextNumber > 0 {
            events.append(.recovered(boot: lastBoot, records: tree.size))
            closeSequences()
        }
    }

    // MARK: Segments

    private mutating func readSegment(
        _ name: String, _ position: Int, _ folder: borrowing LogFolder, isLast: Bool
    ) throws {
        guard let bytes = try folder.segments.read(name) else { return }
        if isLast, bytes.span.countWithoutTrailingZeros == 0 {
            // Killed, or out of room, before its head was written: the next one has this name.
            ending = SegmentEnding(name: name, offset: 0, torn: nil)
            return
        }
        reader.beginSegment()
        var offset = 0
        var batch: Frame?
        var isTorn = false
        while true {
            do {
                guard let frame = try reader.next(bytes.span, at: offset) else { break }
                try take(frame, bytes, name, position)
                if frame.header.type == .batch { batch = frame }
                offset = frame.end
            } catch let error as EvidenceError {
                // What a crash tears is the last frame: behind it is none that is whole.
                guard isLast,
                    try !FrameReader.hasFrame(
                        bytes, after: offset, from: reader.nextNumber,
                        library: try CryptoLibrary())
                else {
                    throw AuditWriterError.segmentDamaged(
                        segment: name, offset: offset, error: error)
                }
                // What is behind the last byte that was written is no evidence: the file was full
                // of zeros.
                let torn = Array(bytes[offset..<bytes.span.countWithoutTrailingZeros])
                ending = SegmentEnding(name: name, offset: offset, torn: torn)
                isTorn = true
                break
            }
        }
        if offset < bytes.count, !isTorn, !isLast {
            // Zeros: of a file that is followed by another, they were cut off.
            throw AuditWriterError.segmentDamaged(
                segment: name, offset: offset, error: .frame(.magic))
        }
        guard offset > 0 else { return }
        if let batch {
            lastBatch = Array(bytes[batch.sealed])
            lastClear = Array(bytes[batch.clear])
            lastFlags = batch.header.flags
        }
        try compareTiles(folder)
        if isLast, !isTorn, offset < bytes.count || !reader.isSealed {
            ending = SegmentEnding(name: name, offset: offset, torn: nil)
        }
        previousSegment = hasher.plain(bytes.span.extracting(first: offset))
        storedSegments.append(stored(name, bytes, end: offset))
    }

    private mutating func take(
        _ frame: Frame, _ bytes: [UInt8], _ name: String, _ position: Int
    ) throws {
        let clear = Array(bytes[frame.clear])
        switch frame.header.type {
        case .head:
            let head = try SegmentHead(json: clear)
            guard head.origin == key.name, head.verifierKey == key.text else {
                throw AuditWriterError.signingKeyDiffers(log: head.origin)
            }
            // After a clean end nothing before it needs to be accounted for again.
            if head.isClean, position == 0 || lastBoot != head.boot {
                firstOpenSegment = position
                firstOpenNumber = frame.header.number
            }
            lastBoot = head.boot
            replaces = head.replaces
        case .batch:
            let header = try BatchHeader(clear: clear.span)
            try takePrunedEpochs(
                header, clear, bytes.span.extracting(frame.sealed), frame.header.flags)
            for position in 0..<header.count {
                let entry = clear.span.extracting(BatchHeader.entryRange(position))
                tree.append(entry, &hasher)
                if entry[3] == RecordKind.epochKey.rawValue { epochNumber += 1 }
                if seenCount < seen.count { compareSeen() }
            }
            try takeMinimum(header, clear, bytes.span.extracting(frame.sealed), frame.header.flags)
        case .checkpoint:
            let found = try? Checkpoint(note: clear, key: key)
            let root = tree.root(&hasher)
            guard let found, found.size == tree.size, found.root == root else {
                throw AuditWriterError.checkpointDiffers(segment: name, offset: frame.offset)
            }
            checkpoint = found
            note = clear
            notes.append(hasher.plain(clear.span))
            notePlaces.append((position, frame.clear))
        case .seal:
            _ = try SegmentSeal(json: clear)
        }
    }

    /// Compares the tiles that are complete, and drops what they hold from memory.
    private mutating func compareTiles(_ folder: borrowing LogFolder) throws {
        for path in tree.tiles(since: tilesDone) where path.isWhole {
            guard let bytes = tree.bytes(of: path) else { continue }
            let stored = try folder.served.read(path.text)
            if stored == bytes { continue }
            wrongTiles.append((path, bytes))
            if stored != nil { differingTiles += 1 }
        }
        tilesDone = tree.size
        tree.forget(upTo: tilesDone)
    }

    /// Writes tiles again that are missing or disagree: after nothing spoke against the segments.
    private mutating func checkTiles(_ folder: borrowing LogFolder) throws {
        try folder.storeTiles(wrongTiles)
        wrongTiles = []
        differingTiles += try checkPartialTiles(folder)
        if differingTiles > 0 { events.append(.tilesRewritten(count: differingTiles)) }
    }

    /// Writes stored partial tiles at the right edge again that disagree.
    private mutating func checkPartialTiles(_ folder: borrowing LogFolder) throws -> UInt64 {
        var differing: [(path: TilePath, bytes: [UInt8])] = []
        for path in tree.tiles(since: 0) where !path.isWhole {
            guard let bytes = tree.bytes(of: path) else { continue }
            let unit = bytes.count / path.width
            for name in try folder.storedWidths(path) {
                guard let width = Int(name) else { continue }
                let file = "\(path.partialFolder)/\(width)"
                guard width > 0, width <= path.width else {
                    // Of entries that were never durable; nobody has a checkpoint for it.
                    try folder.served.remove(file)
                    continue
                }
                let expected = Array(bytes.prefix(width * unit))
                guard try folder.served.read(file) != expected else { continue }
                differing.append(
                    (TilePath(level: path.level, index: path.index, width: width), expected))
            }
        }
        try folder.storeTiles(differing)
        return UInt64(differing.count)
    }

    /// Notes down and publishes what a crash kept from it: checkpoints that are in frames only.
    mutating func restorePublished(
        _ folder: inout LogFolder, on time: WallTime
    ) throws(SystemError) {
        for note in unnoted { try folder.appendNote(note, on: time) }
        if !note.isEmpty { try folder.publish(note) }
    }

    /// The tree, which the writer goes on with.
    mutating func takeTree() -> LogTree {
        var taken = LogTree()
        swap(&taken, &tree)
        return taken
    }
}
