import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The log's own key while a log is being opened: read from its file, or with the signer.
struct KeyHolder: ~Copyable, Sendable {
    private var local: SigningKey?
    private var remote: RemoteSigner?

    init(_ settings: AuditSettings) throws(AuditWriterError) {
        if let path = settings.signerPath {
            local = nil
            remote = RemoteSigner(path: path)
        } else {
            local = try KeyHolder.read(settings.signingKeyPath)
            remote = nil
        }
    }

    /// What the signer has seen of logs of this name; nothing where there is none.
    mutating func seen(_ name: String) throws -> [SeenCheckpoint] {
        guard let reply = try remote?.askAtStart(.seen(name: name)) else { return [] }
        if case .refused(let why) = reply { throw why.evidence }
        guard let found = reply.checkpoints(source: "signer") else {
            throw EvidenceError.checkpointMalformed
        }
        return found
    }

    /// What checkpoints of the log `origin` are verified with.
    mutating func noteKey(_ origin: String) throws -> NoteKey {
        guard let reply = try remote?.askAtStart(.key(origin: origin)) else {
            return try NoteKey(name: origin, publicKey: local?.publicKey ?? [])
        }
        if case .refused(let why) = reply { throw why.evidence }
        guard let key = reply.decoded(count: SigningKey.keyBytes) else {
            throw EvidenceError.verifierKeyMalformed
        }
        return try NoteKey(name: origin, publicKey: key)
    }

    /// The key's holder while the log is written.
    mutating func takeSigner(
        _ key: NoteKey, last: Checkpoint?
    ) throws(EvidenceError) -> LogSigner {
        if let remote = remote.take() { return LogSigner(remote, key: key, last: last) }
        guard let local = local.take() else { throw .cryptographyFailed }
        return LogSigner(try CheckpointSigner(origin: key.name, signingKey: local, last: last))
    }

    private static func read(_ path: String) throws(AuditWriterError) -> SigningKey {
        let (parent, name) = DurableDirectory.split(path)
        let bytes: [UInt8]?
        do {
            bytes = try DurableDirectory(path: parent).read(name)
        } catch {
            throw .system(error)
        }
        guard let bytes else { throw .signingKeyMissing }
        do {
            return try SigningKey(pem: bytes)
        } catch {
            throw .cryptography(error)
        }
    }
}

/// A log that somebody has seen larger than it is, or with another root: it is not continued.
struct RolledBackLog: Error, Equatable {
    /// The log's name.
    var origin: String
    /// Entries that it has.
    var had: UInt64
    /// What was seen of it.
    var seen: SeenCheckpoint

    init(origin: String, had: UInt64, seen: SeenCheckpoint) {
        self.origin = origin
        self.had = had
        self.seen = seen
    }

    /// The last log of this name that somebody has seen; nil when nobody has seen any.
    init?(missing known: [SeenCheckpoint], _ settings: AuditSettings) {
        let ours = known.last { seen in
            seen.size > 0 && AuditLog.isLog(seen.origin, of: settings.originName)
        }
        guard let ours else { return nil }
        self.init(origin: ours.origin, had: 0, seen: ours)
    }

    /// The log's id.
    var logID: String { String(origin.suffix(16)) }

    /// The leaf that tells of it.
    var event: LifecycleEvent {
        .rolledBack(origin: origin, had: had, seen: seen.size, source: seen.source)
    }
}
