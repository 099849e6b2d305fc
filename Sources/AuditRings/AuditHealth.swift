/// How the audit log is doing, as the writer's thread last said it (`AuditStatus.health`).
///
/// `failed` is for good. Everything else passes when its cause does, without a restart: the writer
/// keeps what it has taken from the rings, takes no more than it can keep, and tries again.
public enum AuditHealth: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Records become durable, checkpoints are signed and published.
    case healthy = 0
    /// There is no room, or a quota is used up (ENOSPC, EDQUOT, EFBIG).
    case diskFull
    /// The disk refused a write or a sync (EIO, and what has no name of its own here).
    case writeFailed
    /// The file system can only be read (EROFS), or its folder is not ours to write in any more.
    case readOnly
    /// The segment's name leads nowhere or to another file, or a folder is gone.
    case fileMissing
    /// A write or a sync has taken longer than `AuditStatus.stallNanoseconds`, and still does.
    case stalled
    /// Records are durable, but checkpoints can't be signed, stored or published.
    case signerUnavailable
    /// Nothing more becomes durable until the process is started again.
    case failed

    /// The word that records, logs and the health page use.
    public var word: StaticString {
        switch self {
        case .healthy: "healthy"
        case .diskFull: "disk_full"
        case .writeFailed: "write_failed"
        case .readOnly: "read_only"
        case .fileMissing: "file_missing"
        case .stalled: "stalled"
        case .signerUnavailable: "signer_unavailable"
        case .failed: "failed"
        }
    }

    /// Whether records become durable.
    public var isRecording: Bool {
        switch self {
        case .healthy, .signerUnavailable: true
        case .diskFull, .writeFailed, .readOnly, .fileMissing, .stalled, .failed: false
        }
    }
}
