import Primitives

/// Who asked for something on the proxy's own host, as the kernel says: nobody claims it.
public struct Requester: Sendable, Equatable {
    /// The user that the process ran as.
    public var user: UInt32
    /// Its group.
    public var group: UInt32
    /// Its number.
    public var process: Int32

    /// Somebody of these numbers.
    public init(user: UInt32, group: UInt32, process: Int32) {
        self.user = user
        self.group = group
        self.process = process
    }

    var value: CanonicalValue {
        .object([
            "gid": .integer(Int64(group)), "pid": .integer(Int64(process)),
            "uid": .integer(Int64(user)),
        ])
    }
}

/// What somebody did with the log or the proxy that they have to answer for (kinds 5, 9 and 10).
public enum AccountableEvent: Sendable, Equatable {
    /// Kind 5: a command of an administrator, and what came of it.
    case administration(command: String, outcome: String, by: Requester)
    /// Kind 9: the keys of one subject are gone. It does not say whose.
    case erasure(keys: [UInt64], reason: String, by: Requester)
    /// Kind 10: somebody read the log on the host where it is written.
    ///
    /// `asked` is when they said so, where nobody was there to hear it; the process's number is
    /// then their own word.
    case access(command: String, range: String, by: Requester, asked: WallTime?)

    /// The kind of entry that it becomes.
    public var kind: RecordKind {
        switch self {
        case .administration: .administration
        case .erasure: .erasure
        case .access: .access
        }
    }

    /// The members of the record's core.
    var members: [String: CanonicalValue] {
        switch self {
        case .administration(let command, let outcome, let requester):
            [
                "event": .string("admin"), "by": requester.value, "command": .string(command),
                "outcome": .string(outcome),
            ]
        case .erasure(let keys, let reason, let requester):
            [
                "event": .string("erasure"), "by": requester.value,
                "keys": .array(keys.map { .string($0.hexText) }), "reason": .string(reason),
            ]
        case .access(let command, let range, let requester, let asked):
            AccountableEvent.access(command, range, requester, asked)
        }
    }

    private static func access(
        _ command: String, _ range: String, _ requester: Requester, _ asked: WallTime?
    ) -> [String: CanonicalValue] {
        var members: [String: CanonicalValue] = [
            "event": .string("access"), "by": requester.value, "command": .string(command),
            "range": .string(range),
        ]
        if let asked { members["asked"] = .integer(asked.microseconds) }
        return members
    }
}

extension PartsEncoder {
    /// Appends the parts of such a record; subject and detail are empty objects.
    public func encode(
        _ event: AccountableEvent, time: WallTime, instant: Instant, into writer: inout ByteWriter
    ) -> RecordParts {
        encode(event.members, time: time, instant: instant, into: &writer)
    }
}
