import AuditRecords
import Primitives

/// That records must not be deleted, nor subjects erased, whatever the rules say (format §8).
public struct LegalHold: Equatable, Sendable {
    /// What it is called, by whoever orders it.
    public var name: String
    /// Who set it, by their own word.
    public var setBy: String
    /// When it was set.
    public var since: WallTime
    /// Index of the first record that it is about; 0 for all.
    public var first: UInt64

    /// Longest name, and longest `setBy`, in bytes.
    public static let limitBytes = 200

    /// A hold on the records from `first` on.
    public init(name: String, setBy: String, since: WallTime, first: UInt64 = 0) {
        self.name = name
        self.setBy = setBy
        self.since = since
        self.first = first
    }

    /// Whether `text` can be a name: not empty, short, and harmless in a terminal and in a record.
    public static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= limitBytes
            && text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace || $0 == " " }
            && CanonicalValue.string(text).bytes == Array("\"\(text)\"".utf8)
    }
}

/// The holds on one log: the file `hold.json` in its folder, canonical JSON.
///
/// A file that can't be read holds everything: `everything`.
public struct LegalHolds: Equatable, Sendable {
    /// The holds, in the order in which they were set.
    public private(set) var holds: [LegalHold] = []
    /// Whether the file was there and nobody can tell what it says.
    public private(set) var isUnreadable = false

    /// Name of the file in the log's folder.
    public static let fileName = "hold.json"
    /// Most holds at a time.
    public static let limit = 1000
    private static let format: Int64 = 1

    /// No hold.
    public init() {}

    /// A hold on everything, by a file that can't be read.
    public static var everything: LegalHolds {
        var holds = LegalHolds()
        holds.isUnreadable = true
        return holds
    }

    /// What the file with these bytes says.
    public init(file bytes: [UInt8]) {
        let text = CanonicalObject(bytes)
        guard text.integer("format") == LegalHolds.format, let objects = text.objects("holds"),
            objects.count <= LegalHolds.limit
        else {
            self = .everything
            return
        }
        for object in objects {
            guard let name = object.string("name"), let by = object.string("by"),
                let since = object.integer("since"), let first = object.integer("first"),
                first >= 0
            else {
                self = .everything
                return
            }
            holds.append(
                LegalHold(
                    name: name, setBy: by, since: WallTime(microseconds: since),
                    first: UInt64(first)))
        }
        if json != bytes { self = .everything }
    }

    /// Index of the first record that must stay; nil when none is held.
    public var firstHeld: UInt64? {
        isUnreadable ? 0 : holds.map(\.first).min()
    }

    /// Whether subjects may be erased: a hold on anything forbids it.
    public var forbidsErasure: Bool { firstHeld != nil }

    /// Adds a hold; false when there is one of that name, or too many.
    public mutating func add(_ hold: LegalHold) -> Bool {
        guard !isUnreadable, holds.count < LegalHolds.limit,
            !holds.contains(where: { $0.name == hold.name })
        else { return false }
        holds.append(hold)
        return true
    }

    /// Takes the hold `name` away; false when there is none.
    public mutating func release(_ name: String) -> Bool {
        let count = holds.count
        holds.removeAll { $0.name == name }
        return holds.count < count
    }

    /// The file's bytes.
    public var json: [UInt8] {
        CanonicalValue.object(["format": .integer(LegalHolds.format), "holds": value]).bytes
    }

    /// The holds as a record has them.
    private var value: CanonicalValue {
        .array(
            holds.map { hold in
                .object([
                    "by": .string(hold.setBy), "first": .count(hold.first),
                    "name": .string(hold.name), "since": .integer(hold.since.microseconds),
                ])
            })
    }

    /// What the record (kind 5) says that tells which holds are in force from now on.
    public var members: [String: CanonicalValue] {
        var members: [String: CanonicalValue] = [
            "event": .string("holds"), "holds": value,
        ]
        if isUnreadable { members["unreadable"] = .boolean(true) }
        return members
    }
}
