import Primitives

/// What all records of one process share.
public struct InstanceFacts: Sendable, Equatable {
    /// Random, one per log; printed as 16 hexadecimal digits.
    public var logID: UInt64
    /// Random, one per start of the process; printed as 16 hexadecimal digits.
    public var boot: UInt64
    /// The operator's name for this process, such as its host's; empty when it has none.
    public var name: String

    /// The facts of a process that writes the log `logID`.
    public init(logID: UInt64, boot: UInt64, name: String = "") {
        self.logID = logID
        self.boot = boot
        self.name = name
    }
}

/// Where an encoded record's three parts lie (audit log format §2).
public struct RecordParts: Equatable, Sendable, BitwiseCopyable {
    /// How many parts a record has.
    public static let count = 3

    /// Part 0.
    public var core: ByteRange
    /// Part 1.
    public var subject: ByteRange
    /// Part 2.
    public var detail: ByteRange

    /// Parts at these places.
    @inlinable
    public init(core: ByteRange, subject: ByteRange, detail: ByteRange) {
        self.core = core
        self.subject = subject
        self.detail = detail
    }

    /// Part 0 (core), 1 (subject) or 2 (detail).
    @inlinable
    public subscript(index: Int) -> ByteRange {
        switch index {
        case 0: core
        case 1: subject
        default: detail
        }
    }
}
