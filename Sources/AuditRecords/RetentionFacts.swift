import Primitives

/// How long the log's records are kept (audit log format §8).
public struct RetentionSettings: Sendable, Equatable {
    /// Segments whose records are all older than so many seconds are deleted; nil keeps them.
    public var ageSeconds: UInt64?
    /// The oldest segments are deleted while all together have more bytes; nil for no limit.
    public var limitBytes: UInt64?

    /// Everything is kept.
    public init() {}
}

/// Segments that are about to be deleted (kind 9): what the leaf says before they are.
public struct PruneFacts: Sendable, Equatable {
    /// Why they are.
    public enum Rule: Sendable, Equatable {
        /// All their records are older than so many seconds.
        case age(seconds: UInt64)
        /// All segments together have more bytes than that.
        case size(bytes: UInt64)
    }

    /// The minimum index: the first record that remains.
    public var first: UInt64
    /// How many segments are deleted, and their bytes.
    public var segments: UInt64
    /// Bytes of those segments.
    public var byteCount: UInt64
    /// Time of the last record that is deleted.
    public var through: WallTime
    /// Why.
    public var rule: Rule

    /// The deletion of what is before `first`.
    public init(
        first: UInt64, segments: UInt64, byteCount: UInt64, through: WallTime, rule: Rule
    ) {
        self.first = first
        self.segments = segments
        self.byteCount = byteCount
        self.through = through
        self.rule = rule
    }

    /// The word of the event.
    public static let event = "pruned"

    /// What the record's core says beside what each says.
    public var members: [String: CanonicalValue] {
        var members: [String: CanonicalValue] = [
            "event": .string(PruneFacts.event), "first": .count(first),
            "segments": .count(segments), "bytes": .count(byteCount),
            "through": .integer(through.microseconds),
        ]
        switch rule {
        case .age(let seconds): members["rule"] = .object(["age": .count(seconds)])
        case .size(let bytes): members["rule"] = .object(["size": .count(bytes)])
        }
        return members
    }
}
