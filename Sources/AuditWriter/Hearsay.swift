import AuditSegments
import Primitives

/// What others say of logs, of which nothing is believed yet.
public struct Hearsay: Sendable, Equatable {
    /// Signed checkpoints that they keep, the newest first: believed where the log's own key
    /// signed them.
    public var notes: [SeenNote] = []
    /// What is believed as it is said: by witnesses, whom the operator has chosen.
    public var checkpoints: [SeenCheckpoint] = []

    /// Nothing.
    public init() {}

    /// Adds what others say.
    public mutating func add(_ other: Hearsay) {
        notes += other.notes
        checkpoints += other.checkpoints
    }
}

/// A signed checkpoint that somebody keeps.
public struct SeenNote: Sendable, Equatable {
    /// The note's bytes.
    public var note: [UInt8]
    /// Who keeps it, in one word: `journald`, or a witness' name.
    public var source: String

    /// What `source` keeps.
    public init(note: [UInt8], source: String) {
        self.note = note
        self.source = source
    }
}

/// A log that was found where the settings say, before it is read.
public struct FoundLog: Sendable, Equatable {
    /// Its name.
    public var origin: String
    /// Its own folder.
    public var path: String
    /// The note that it published last.
    public var published: [UInt8]?

    /// The log of this name in this folder.
    public init(origin: String, path: String, published: [UInt8]?) {
        self.origin = origin
        self.path = path
        self.published = published
    }
}

extension KeyHolder {
    /// Most logs that are looked for among what others say.
    private static let limitOrigins = 16

    /// The largest checkpoint among `notes` that the log's own key signed: of the log `origin`;
    /// without one, of the last log called `name` that anybody keeps such a note of.
    mutating func verified(
        _ notes: [SeenNote], of origin: String?, name: String
    ) -> SeenCheckpoint? {
        var claims: [(origin: String, size: UInt64, seen: SeenNote)] = []
        var origins: [String] = []
        for seen in notes {
            guard let note = try? SignedNote(seen.note),
                let claim = try? Checkpoint(text: note.text), claim.size > 0,
                origin.map({ $0 == claim.origin }) ?? AuditLog.isLog(claim.origin, of: name)
            else { continue }
            claims.append((claim.origin, claim.size, seen))
            if !origins.contains(claim.origin) { origins.append(claim.origin) }
        }
        for origin in origins.prefix(KeyHolder.limitOrigins) {
            // A signer that does not answer is told of where it is needed.
            guard let key = try? noteKey(origin) else { continue }
            let ours = claims.filter { $0.origin == origin }.sorted { $0.size > $1.size }
            for claim in ours {
                guard let found = try? Checkpoint(note: claim.seen.note, key: key) else { continue }
                return SeenCheckpoint(
                    origin: origin, size: found.size, root: found.root, source: claim.seen.source)
            }
        }
        return nil
    }
}
