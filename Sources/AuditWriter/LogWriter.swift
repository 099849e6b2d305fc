import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The writer's state and work (format §5), without its thread and its sleep.
///
/// A turn: drain every ring → index → commit → tree → batch → `pwrite` → `fdatasync` → publish
/// `AuditStatus`; when it is due, a heartbeat, a checkpoint, another segment. Nothing is signed
/// that is not durable, and nothing is published that is not in a frame.
struct LogWriter: ~Copyable, @unchecked Sendable {
    // Sendable: the whole state moves to the writer's thread, once.
    let settings: AuditSettings
    let status: AuditStatus
    let library: CryptoLibrary
    var folder: LogFolder
    var rings: RingSet
    var encoder: PartsEncoder
    /// Covers who asked; nil when records say it in the clear.
    var veil: IdentityVeil?
    var batch: BatchEncoder
    var tree: LogTree
    var hasher: TreeHasher
    var signer: LogSigner
    var epoch: EpochSigner
    var segment: SegmentFile
    /// Files that are prepared by another thread, and the reserve.
    let spares: SpareRoom
    var identity: LogIdentity
    let frames = FrameEncoder()

    /// Holds the parts of the writer's own records.
    var text: ByteBuffer
    var accounts: [SequenceAccount]
    /// Told, by worker, that records which it waits for are durable.
    var wakers: [(@Sendable () -> Void)?]
    /// Entries whose tiles are stored.
    var storedSize: UInt64
    /// Entries under the last checkpoint.
    var checkpointSize: UInt64
    var lastCheckpoint: Instant
    var lastHeartbeat: Instant
    var epochSince: Instant
    /// Which segments there are, and which are to be deleted.
    var retention = RetentionPlan()
    /// The holds that this boot has recorded; nil before there is one.
    var recordedHolds: LegalHolds?
    /// Who is told what the log says, and events that they are told once they are durable.
    var outlets = PublicationOutlets()
    var keptEvents: [PublishedEvent] = []
    /// Records of the batch that are told once it is durable.
    var keptRecords: [KeptRecord] = []
    /// A checkpoint that is in a frame, and has to be published before the next is signed.
    var pendingNote: PendingNote?
    /// Leaves that wait for the next turn.
    var leaves: [OwnLeaf] = []
    /// While the disk takes no frames.
    var outage: DiskOutage?
    /// While the disk takes frames but no checkpoints.
    var delay: DiskOutage?
    /// While the reserve is given up: frames are taken for what is under way, the log is full.
    var shortage: DiskOutage?
    /// Whether the log is being ended, and whether its last leaf is queued.
    var isEnding = false
    var isStopQueued = false
    /// When it was last looked whether the segment's name leads to it.
    var lastLook: Instant

    /// Records of this many bytes make a batch at once; the rest waits for the end of the turn.
    static let flushBytes = 1 << 20
    /// Room of a batch; what is behind `flushBytes` takes the longest record.
    static let batchBytes = flushBytes + (256 << 10)
    static let batchRecords = 4096
    /// Room for a lifecycle record, which names every worker.
    static let spareBytes = 64 << 10
    /// Checkpoints may be refused for so long before the log's health says so.
    static let delayNanoseconds: UInt64 = 10_000_000_000
    /// Entries without stored tiles that are kept in memory (about 200 bytes each at the worst).
    static let unstoredEntries: UInt64 = 1 << 21
    /// A disk has to take so much more than what waits for it to be asked for more records.
    static let probeBytes = 1 << 20
    /// A quiet log's segment is looked for this often; a busy one's at each commit.
    static let lookNanoseconds: UInt64 = 1_000_000_000
    /// A disk that was too full is so until it is used to so much less.
    static let diskSlackPercent = 3
    /// zstd's level: docs/decisions/0009 says how it was chosen.
    static let compressionLevel: Int32 = -3

    /// What every head of this boot says.
    struct LogIdentity: Sendable {
        var boot: UInt64
        var build: String
        var settingsDigest: Digest256
        var replaces: String?
        var recipients: [AgeRecipient] = []
    }

    init(
        settings: AuditSettings, identity: LogIdentity, status: AuditStatus,
        library: consuming CryptoLibrary, folder: consuming LogFolder,
        encoder: consuming PartsEncoder, veil: consuming IdentityVeil?, tree: consuming LogTree,
        signer: consuming LogSigner, epoch: consuming EpochSigner,
        segment: consuming SegmentFile, spares: SpareRoom,
        checkpointSize: UInt64, now: Instant
    ) throws(EvidenceError) {
        let newHasher = try TreeHasher(library)
        let newBatch = try BatchEncoder(
            capacity: LogWriter.batchBytes, countLimit: LogWriter.batchRecords,
            level: LogWriter.compressionLevel, recipients: identity.recipients, library: library)
        hasher = newHasher
        batch = newBatch
        rings = RingSet(capacity: status.workerCount)
        text = ByteBuffer(capacity: encoder.maximumBytes(.largest) + LogWriter.spareBytes)
        accounts = [SequenceAccount](repeating: SequenceAccount(), count: status.workerCount)
        wakers = [(@Sendable () -> Void)?](repeating: nil, count: status.workerCount)
        // A crash may have come before any partial tile at the right edge was stored, on each level:
        // the first checkpoint stores all that are in memory, and the whole ones no longer are.
        storedSize = 0
        self.settings = settings
        self.identity = identity
        self.status = status
        self.library = library
        self.folder = folder
        self.encoder = encoder
        self.veil = veil
        self.tree = tree
        self.signer = signer
        self.epoch = epoch
        self.segment = segment
        self.spares = spares
        self.checkpointSize = checkpointSize
        lastCheckpoint = now
        lastHeartbeat = now
        epochSince = now
        lastLook = now
    }

    // MARK: A turn

    /// Drains what the workers have published up to now, and does what is due.
    ///
    /// - Returns: Records drained.
    mutating func turn(now: Instant, wall: WallTime) throws(AuditWriterError) -> Int {
        if isTreeFull, !isEnding {
            try checkpointWhenPossible(now: now, wall: wall)
            return 0
        }
        if now.nanoseconds(since: lastLook) >= LogWriter.lookNanoseconds {
            lastLook = now
            try restoreSegment(now: now, wall: wall)
            lookAtDisk(now: now, wall: wall)
        }
        lookAtReserve(now: now, wall: wall)
        var drained = 0
        try turnKeyring(wall: wall)
        try addLeaves()
        // What was published before `now` shows in this look at the rings.
        for index in 0..<rings.count { _ = rings[index].refresh() }
        for index in 0..<rings.count { drained += try drain(index, now: now, wall: wall) }
        if now.nanoseconds(since: lastHeartbeat) >= UInt64(settings.heartbeatSeconds)
            * 1_000_000_000
        {
            try add(.heartbeat(sequences: sequences()), now: now, wall: wall)
            lastHeartbeat = now
            try recordHolds(now: now, wall: wall)
        }
        try flush(now: now, wall: wall)
        // Nothing that comes now is to find the log open while it lives on the reserve.
        if shortage == nil { status.publishDurable(until: now) }
        let sinceCheckpoint = now.nanoseconds(since: lastCheckpoint)
        if tree.size > checkpointSize || pendingNote != nil,
            delay != nil || sinceCheckpoint >= UInt64(settings.checkpointMilliseconds) * 1_000_000
        {
            try checkpointWhenPossible(now: now, wall: wall)
        }
        // Right after a checkpoint, so that the old key has signed for all of its time.
        if tree.size == checkpointSize,
            now.nanoseconds(since: epochSince) >= UInt64(settings.epochSeconds) * 1_000_000_000
        {
            try beginEpoch(now: now, wall: wall)
        }
        let age = now.nanoseconds(since: segment.since)
        // A seal has a checkpoint before it: without one the segment grows instead.
        if delay == nil,
            segment.size >= settings.rotateBytes
                || age >= UInt64(settings.rotateSeconds) * 1_000_000_000
        {
            try rotate(now: now, wall: wall)
        }
        try retain(now: now, wall: wall)
        spares.noteSegment(byteCount: segment.size)
        return drained
    }

    private mutating func turnKeyring(wall: WallTime) throws(AuditWriterError) {
        do throws(AuditWriterError) {
            try veil?.keyring.turn(now: wall)
        } catch .system(let error) {
            throw .writeRefused(error)
        }
    }

    private mutating func drain(
        _ index: Int, now: Instant, wall: WallTime
    ) throws(AuditWriterError) -> Int {
        var drained = 0
        while true {
            let facts: RecordFacts?
            let offset = batch.byteCount
            do {
                facts = try LogWriter.takeOne(
                    &rings[index], &encoder, &veil, &batch, &tree)
            } catch {
                throw .evidence(error)
            }
            guard let facts else { break }
            drained += 1
            if facts.kind == .gap {
                let gap = facts.gap(boot: identity.boot)
                try add(gap, now: facts.instant, wall: facts.time)
                _ = accounts[index].insert(facts.sequence...facts.linkedSequence)
            } else if facts.kind.rawValue <= RecordKind.authentication.rawValue, facts.sequence > 0
            {
                _ = accounts[index].insert(facts.sequence)
            }
            if outlets.journalRecords != .none { keepRecord(facts, at: offset) }
            if batch.byteCount >= LogWriter.flushBytes || batch.count == LogWriter.batchRecords {
                try flush(now: now, wall: wall)
            }
        }
        return drained
    }

    /// Takes the next record of a ring into the batch, a gap aside; nil when there is none.
    ///
    /// A function of the pieces, so that a span of one may be read beside a change of another.
    private static func takeOne(
        _ ring: inout RingConsumer, _ encoder: inout PartsEncoder, _ veil: inout IdentityVeil?,
        _ batch: inout BatchEncoder, _ tree: inout LogTree
    ) throws(EvidenceError) -> RecordFacts? {
        guard let record = ring.next() else { return nil }
        // Safe: only workers push into these rings, and only facts with fields behind them.
        let facts = unsafe RingConsumer.facts(of: record, as: RecordFacts.self)
        guard facts.kind != .gap else { return facts }
        let fields = record.extracting(droppingFirst: MemoryLayout<RecordFacts>.size)
        let isAdded: Bool
        if let isCovered = try veil?.add(facts, fields, &encoder, &batch, &tree) {
            isAdded = isCovered
        } else {
            isAdded = try batch.add(facts, fields: fields, encoder: &encoder, tree: &tree)
        }
        // A batch is flushed while it has room for the largest record.
        precondition(isAdded)
        return facts
    }

    static func add(
        _ kind: RecordKind, _ time: WallTime, _ parts: RecordParts, _ text: borrowing ByteBuffer,
        _ batch: inout BatchEncoder, _ tree: inout LogTree
    ) throws(EvidenceError) {
        let bytes = text.span
        let isAdded = try batch.add(
            kind: kind.rawValue, time: time, core: bytes.extracting(parts.core),
            subject: bytes.extracting(parts.subject), detail: bytes.extracting(parts.detail),
            tree: &tree)
        // A batch is flushed while it has room for the largest record.
        precondition(isAdded)
    }
}
