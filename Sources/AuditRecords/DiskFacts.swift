import Primitives

/// Which part of the log's work the disk refuses.
public enum LogWork: String, Sendable {
    /// Nothing becomes durable.
    case records
    /// Records do; checkpoints are not made or not published.
    case checkpoints
    /// Both are written into the room that was kept for them, and new requests refused.
    case reserve
}

/// Where the name of the open segment was found to lead.
public enum SegmentLoss: String, Sendable {
    /// Nowhere: the file was removed, or moved out of the folder.
    case removed
    /// Nowhere: the file had another name in the folder.
    case renamed
    /// To another file.
    case replaced
}

/// What the log's disk did, as a lifecycle record tells it (kind 6).
public enum DiskEvent: Sendable, Equatable {
    /// It began to refuse a part of the log's work, for this reason and `errno`.
    case degraded(LogWork, reason: String, code: Int64)
    /// It takes that part again, after so many milliseconds.
    case resumed(LogWork, milliseconds: UInt64)
    /// A write and its sync took so long.
    case stalled(milliseconds: UInt64)
    /// The open segment was written back under its name; so many bytes with this SHA-256.
    case segmentRestored(segment: String, SegmentLoss, bytes: UInt64, digest: Digest256)
    /// Its file system is fuller than the settings want it to be.
    case low(usedPercent: Int, freeBytes: UInt64)

    /// The event's word and what else its record holds.
    var members: [String: CanonicalValue] {
        switch self {
        case .degraded(let work, let reason, let code):
            [
                "event": .string("log_degraded"), "what": .string(work.rawValue),
                "reason": .string(reason), "errno": .integer(code),
            ]
        case .resumed(let work, let milliseconds):
            [
                "event": .string("log_resumed"), "what": .string(work.rawValue),
                "ms": .count(milliseconds),
            ]
        case .stalled(let milliseconds):
            ["event": .string("disk_stalled"), "ms": .count(milliseconds)]
        case .low(let percent, let bytes):
            [
                "event": .string("disk_low"), "used_percent": .integer(Int64(percent)),
                "free": .count(bytes),
            ]
        case .segmentRestored(let segment, let loss, let bytes, let digest):
            [
                "event": .string("segment_restored"), "segment": .string(segment),
                "was": .string(loss.rawValue), "len": .count(bytes),
                "digest": .string(digest.hexText),
            ]
        }
    }
}
