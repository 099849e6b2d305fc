import Primitives

/// How much a finding weighs.
public enum FindingWeight: UInt8, Sendable, Comparable {
    /// Worth knowing; everything still holds.
    case notice = 0
    /// Something is unfinished, as after a crash or while the log is being written: what lies past
    /// it can't be told.
    case unfinished
    /// The log is not what was signed, or not complete.
    case broken

    /// Lighter findings come first.
    public static func < (left: FindingWeight, right: FindingWeight) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What the verifier found wrong or remarkable.
public enum Problem: Equatable, Sendable {
    /// The bytes there are not the frame that has to come next.
    case frame(EvidenceError)
    /// The last segment ends in a frame that is not whole; no whole frame follows.
    case tornTail(bytes: Int)
    /// The segment ends without a seal, so the process ended without a clean shutdown.
    case unsealed
    /// The log ends with a seal, but its process did not say stop.
    case unstopped
    /// What is before did not end with a stop and a seal, and the next head does not admit it.
    case uncleanHidden
    /// The segment's file name is not the number of its first frame.
    case segmentName
    /// The head names another origin, key, first index or segment before than there is.
    case headContradicts
    /// The seal names another last index or file digest than there is.
    case sealContradicts
    /// There is no segment, or the first one does not begin at frame 0.
    case beginningMissing
    /// A segment that was verified before is gone.
    case segmentMissing
    /// Segments are gone, and no leaf under a checkpoint allows that of so many records.
    case segmentsDeleted(before: UInt64, allowed: UInt64)
    /// The records before this index were deleted, as a leaf says.
    case pruned(records: UInt64)
    /// A leaf says that segments were deleted, and they are still there.
    case pruningUnfinished
    /// A leaf says that records behind it are deleted.
    case minimumContradicts(index: UInt64)
    /// The tiles lead to another root than was verified for so many entries before.
    case historyDiffers(size: UInt64)
    /// The tiles of the entries before the first segment that is read don't make a tree.
    case beginningUnprovable(EvidenceError)
    /// A part of the file can't be read.
    case unreadable
    /// The sealed bytes are not the batch's records.
    case sealed(EvidenceError)
    /// The batch names other times than its records have.
    case batchTimes
    /// So many batches are encrypted and were not opened: their records were not compared with
    /// their entries, and sequences go by what the batches say in the clear.
    case unopened(batches: Int)
    /// What the batch says of its records in the clear is not what they, or the entries, say.
    case accountContradicts
    /// The segment's head names recipients and the batch is not encrypted, or the other way.
    case encryptionContradicts
    /// The segment's head names another boot than the record.
    case bootContradicts(index: UInt64)
    /// The record is not the one that the entry commits to.
    case recordDiffers(index: UInt64)
    /// A checkpoint frame's note is malformed, or its signature does not hold.
    case checkpoint(EvidenceError)
    /// The checkpoint is for another number of entries than the frames before it hold.
    case checkpointSize(claimed: UInt64, found: UInt64)
    /// The checkpoint's root is not the root of the entries.
    case checkpointRoot(size: UInt64)
    /// The leaf of an epoch's key does not hold: no checkpoint counts until an epoch does.
    case epoch(index: UInt64, EvidenceError)
    /// Entries after this index can't be proven, because a frame before them is broken.
    case unprovable(from: UInt64)
    /// The last entries are durable, but no checkpoint covers them yet.
    case uncovered(entries: UInt64)
    /// The last entries have no checkpoint, and they are more than a crash leaves without one.
    case unsigned(entries: UInt64)
    /// A segment was sealed over entries without a checkpoint.
    case sealUncovered(entries: UInt64)
    /// A start leaf names another build or other settings than the segment's head.
    case startContradicts(index: UInt64)
    /// A worker's sequence number is recorded twice.
    case sequenceRepeated(boot: UInt64, worker: UInt64, sequence: UInt64)
    /// Numbers of an ended boot are neither recorded nor in a gap leaf.
    case sequenceMissing(boot: UInt64, worker: UInt64, from: UInt64, through: UInt64)
    /// Numbers of the running boot are not recorded yet.
    case sequencePending(boot: UInt64, worker: UInt64, count: UInt64)
    /// A gap leaf says that these records are lost; `through` is nil when nobody knows how many.
    case gap(boot: UInt64, worker: UInt64, from: UInt64, through: UInt64?)
    /// A gap leaf says that everything from a number on is lost, and later ones are recorded.
    case gapContradicts(boot: UInt64, worker: UInt64, from: UInt64)
    /// A record or gap leaf has no worker sequence where it has to.
    case accountMissing(index: UInt64)
    /// A completion names no decision before it, or one that had its completion already.
    case completionUnpaired(index: UInt64)
    /// So many decisions of an ended boot have no completion: what became of the requests is not
    /// known.
    case decisionsOpen(boot: UInt64, worker: UInt64, count: UInt64)
    /// The record's core is no JSON object in order: two readers may read two things.
    case recordMalformed(index: UInt64)
    /// A tile differs from the tree.
    case tileDiffers
    /// A tile that the last checkpoint needs is missing.
    case tileMissing
    /// A file among the tiles is none of the tree's.
    case tileUnknown
    /// The published checkpoint is not in a frame.
    case publishedUnknown
    /// There are checkpoints, but none is published.
    case publishedMissing
    /// The published checkpoint is not the last one.
    case publishedBehind
    /// The notes file has something that is no note of a frame, or in another order.
    case noteUnknown
    /// The notes end before the last checkpoint frame.
    case noteMissing(count: Int)
    /// A torn tail that a recovery put aside.
    case tornFile
    /// A torn tail was put aside, and no leaf says so.
    case tornFileUnknown
    /// A leaf says that a torn tail was put aside, and it is not there as it was.
    case tornFileMissing(segment: String)
    /// A file among the segments is none.
    case segmentUnknown
    /// A temporary file that a crash left behind.
    case temporaryFile
}

/// One finding: what, where, and up to when everything before it is proven.
public struct Finding: Equatable, Sendable {
    /// How much it weighs.
    public var weight: FindingWeight
    /// What was found.
    public var problem: Problem
    /// The file, from the log's folder on.
    public var file: String
    /// Where in the file, when that is known.
    public var offset: Int?
    /// Entries that a valid checkpoint before this place proves.
    public var provenSize: UInt64
    /// Time of the last of those entries; nil when there is none.
    public var provenUntil: WallTime?
}

/// What the verifier counted and found.
public struct VerificationReport: Sendable {
    /// The log's name.
    public var origin = ""
    /// Index of the first record that was read; what is before was not, or earlier.
    public var start: UInt64 = 0
    /// Records whose segments were deleted; their entries are still proven.
    public var pruned: UInt64 = 0
    /// The first record that has to be there, by leaves under a checkpoint that holds.
    public var minimum: UInt64 = 0
    /// Entries in whole frames.
    public var size: UInt64 = 0
    /// The root over them; nil when a frame is broken.
    public var root: Digest256?
    /// Entries under the last valid checkpoint.
    public var checkpointSize: UInt64 = 0
    /// The root that it signs.
    public var checkpointRoot: Digest256?
    /// Time of the last entry under it.
    public var checkpointTime: WallTime?
    /// Segments read.
    public var segments = 0
    /// Frames read.
    public var frames = 0
    /// Checkpoint frames whose signature and root hold.
    public var checkpoints = 0
    /// Entries by kind; the index is the kind.
    public var kinds = [UInt64](repeating: 0, count: 256)
    /// Encrypted batches that were not opened.
    public var unopened = 0
    /// Epoch keys that checkpoints are signed by beside the log's own.
    public var epochs: UInt64 = 0
    /// Index of the first leaf of an epoch: what is before has the log's own signatures only.
    public var epochsFrom: UInt64?
    /// Boots that wrote records.
    public var boots = 0
    /// Worker sequence numbers that gap leaves account for, as far as they are known.
    public var gapNumbers: UInt64 = 0
    /// The same by the reason that the leaves give; empty where none could be read.
    public internal(set) var gapReasons: [String: UInt64] = [:]
    /// Tiles and bundles compared.
    public var tiles = 0
    /// Earliest time of an entry.
    public var firstTime: WallTime?
    /// Latest time of an entry.
    public var lastTime: WallTime?
    /// What was found, in the order of the log; of each weight at most `findingLimit`.
    public var findings: [Finding] = []
    /// Findings past the limit.
    public var findingsOmitted = 0
    private var counts: (notice: Int, unfinished: Int, broken: Int) = (0, 0, 0)

    /// Most findings of one weight that are kept: many light ones can't hide a heavy one.
    public static let findingLimit = 1000

    /// A report of nothing yet.
    public init() {}

    /// What was counted, without what was found.
    var counters: VerificationReport {
        var counted = self
        counted.findings = []
        counted.findingsOmitted = 0
        counted.counts = (0, 0, 0)
        return counted
    }

    /// Counts `following` numbers and the one before them as lost for `reason`.
    mutating func addGap(_ reason: String, _ following: UInt64) {
        // A forged log may give any number of reasons.
        let isKept = gapReasons.count < 64 || gapReasons[reason] != nil
        let key = isKept ? reason : ""
        let sum = gapReasons[key, default: 0].addingReportingOverflow(following)
        gapReasons[key] = sum.overflow || sum.partialValue == .max ? .max : sum.partialValue + 1
    }

    /// Keeps `finding`, or counts it when there are as many already.
    mutating func add(_ finding: Finding) {
        let count: Int
        switch finding.weight {
        case .notice:
            counts.notice += 1
            count = counts.notice
        case .unfinished:
            counts.unfinished += 1
            count = counts.unfinished
        case .broken:
            counts.broken += 1
            count = counts.broken
        }
        if count > VerificationReport.findingLimit {
            findingsOmitted += 1
        } else {
            findings.append(finding)
        }
    }

    /// The weight of the heaviest finding; nil when there is none.
    public var heaviest: FindingWeight? { findings.map(\.weight).max() }
    /// Whether the log is what was signed, completely.
    public var holds: Bool { (heaviest ?? .notice) == .notice }
}

extension Problem: CustomStringConvertible {
    /// What was found, in words.
    public var description: String {
        switch self {
        case .frame(let error): "not the frame that has to come next: \(error)"
        case .tornTail(let bytes): "the last \(bytes) bytes are a torn frame"
        case .unsealed: "ends without a seal: still written, or not shut down cleanly"
        case .unstopped: "sealed, but its process did not say stop"
        case .uncleanHidden:
            "what is before has no stop or no seal, and this head calls it clean"
        case .segmentName: "the file name is not the number of its first frame"
        case .headContradicts: "the head contradicts the segments before it"
        case .sealContradicts: "the seal contradicts the segment"
        case .beginningMissing: "the log does not begin with frame 0"
        case .segmentsDeleted(let before, let allowed):
            "the records before \(before) were deleted, and a signed leaf allows that of those "
                + "before \(allowed) only"
        case .pruned(let records):
            "the first \(records) records were deleted, as a leaf says; their entries hold"
        case .pruningUnfinished: "some segments that a leaf calls deleted are still there"
        case .minimumContradicts(let index):
            "record \(index) says that records behind it were deleted"
        case .segmentMissing: "was verified before, and is gone"
        case .historyDiffers(let size):
            "the first \(size) entries are not those that were verified before"
        case .beginningUnprovable(let error): "the tree before can't be made: \(error)"
        case .unreadable: "can't be read"
        case .sealed(let error): "the sealed records can't be read: \(error)"
        case .unopened(let batches):
            "\(batches) encrypted batches were not opened (--identity): their records were not "
                + "compared with what is signed, and sequences go by the batches' clear accounts"
        case .accountContradicts: "the batch's account in the clear is not its records'"
        case .encryptionContradicts: "the head says otherwise whether batches are encrypted"
        case .batchTimes: "the batch names other times than its records have"
        case .bootContradicts(let index): "record \(index) is of another boot than the segment"
        case .recordDiffers(let index): "record \(index) is not the one its entry commits to"
        case .checkpoint(let error): "the checkpoint does not hold: \(error)"
        case .checkpointSize(let claimed, let found):
            "the checkpoint is for \(claimed) entries, there are \(found)"
        case .checkpointRoot(let size): "the root signed for \(size) entries is not theirs"
        case .epoch(let index, let error):
            "the epoch key in record \(index) does not hold: \(error)"
        case .unprovable(let from): "entries from \(from) on can't be proven"
        case .uncovered(let entries): "the last \(entries) entries have no checkpoint yet"
        case .unsigned(let entries):
            "the last \(entries) entries have no checkpoint, more than a crash leaves: nothing "
                + "proves them"
        case .sealUncovered(let entries):
            "sealed over \(entries) entries that no checkpoint covers"
        case .startContradicts(let index):
            "record \(index), the start, names another build or other settings than the head"
        case .sequenceRepeated(let boot, let worker, let sequence):
            "\(boot.hexText).\(worker).\(sequence) is recorded twice"
        case .sequenceMissing(let boot, let worker, let from, let through):
            "\(boot.hexText).\(worker).\(from) to \(through) are neither recorded nor a gap"
        case .sequencePending(let boot, let worker, let count):
            "\(count) numbers of \(boot.hexText).\(worker) are not recorded yet"
        case .gap(let boot, let worker, let from, let through?):
            "gap leaf: \(boot.hexText).\(worker).\(from) to \(through) are lost"
        case .gap(let boot, let worker, let from, nil):
            "gap leaf: \(boot.hexText).\(worker).\(from) and what followed, if any, is lost"
        case .gapContradicts(let boot, let worker, let from):
            "a gap leaf calls \(boot.hexText).\(worker).\(from) and all that followed lost, "
                + "and later ones are recorded"
        case .accountMissing(let index): "record \(index) has no boot, worker and sequence"
        case .completionUnpaired(let index):
            "record \(index) completes no decision, or one that was completed before"
        case .decisionsOpen(let boot, let worker, let count):
            "\(count) decisions of \(boot.hexText).\(worker) have no completion"
        case .recordMalformed(let index):
            "record \(index) has members that are double or out of order"
        case .tileDiffers: "the tile is not the tree's"
        case .tileMissing: "the tile is missing"
        case .tileUnknown: "no tile of this tree"
        case .publishedUnknown: "the published checkpoint is in no frame"
        case .publishedMissing: "no checkpoint is published"
        case .publishedBehind: "the published checkpoint is not the last one"
        case .noteUnknown: "a note that is in no frame, or in another order"
        case .noteMissing(let count): "\(count) checkpoints of frames are missing"
        case .tornFile: "a torn tail that a recovery put aside"
        case .tornFileUnknown: "put aside as a torn tail, but no leaf says so"
        case .tornFileMissing(let segment):
            "the torn tail of \(segment) that a leaf speaks of is not there as it was"
        case .segmentUnknown: "no segment"
        case .temporaryFile: "a temporary file that a crash left behind"
        }
    }
}
