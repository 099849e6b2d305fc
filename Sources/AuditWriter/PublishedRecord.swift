import AuditRecords
import AuditSegments
import Primitives

/// A record of a request or of a failed handshake, as the log holds it: what is left out, covered
/// or sealed there is so here. Without the salts, which are the log's alone.
public struct PublishedRecord: Sendable, Equatable {
    /// What kind of entry it is.
    public var kind: RecordKind
    /// Index of the entry.
    public var index: UInt64
    /// How the request ended.
    public var outcome: Outcome
    /// The three parts, one behind the other: JSON each.
    public var text: [UInt8]
    /// Where in `text` they lie.
    public var parts: RecordParts

    /// The record that is the entry `index`.
    public init(
        kind: RecordKind, index: UInt64, outcome: Outcome, text: [UInt8], parts: RecordParts
    ) {
        self.kind = kind
        self.index = index
        self.outcome = outcome
        self.text = text
        self.parts = parts
    }

    /// The JSON of part `number`.
    public func part(_ number: Int) -> [UInt8] {
        let range = parts[number]
        return Array(text[range.lower..<range.upper])
    }
}

/// A record in the batch that is to be told once it is durable.
struct KeptRecord: BitwiseCopyable, Sendable {
    var kind: RecordKind
    var outcome: Outcome
    var index: UInt64
    /// Where it begins in the batch's records.
    var offset: Int
}

extension JournalRecords {
    /// Whether a record with this outcome is told.
    func includes(_ outcome: Outcome) -> Bool {
        switch self {
        case .none: false
        case .denied: outcome == .deny || outcome == .throttle
        case .all: true
        }
    }
}
