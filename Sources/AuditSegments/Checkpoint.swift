import Crypto
import Primitives

/// What a log claims about itself: how many leaves, under which root (C2SP tlog-checkpoint).
public struct Checkpoint: Equatable, Sendable {
    /// The log's name.
    public let origin: String
    /// Leaves in the tree.
    public let size: UInt64
    /// The tree's hash.
    public let root: Digest256

    /// The claim of `origin` about its first `size` leaves.
    public init(origin: String, size: UInt64, root: Digest256) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Parses a note's text. Lines after the third are extensions and mean nothing here.
    public init(text: [UInt8]) throws(EvidenceError) {
        guard text.last == .lineFeed else { throw .checkpointMalformed }
        let lines = text.dropLast().split(separator: .lineFeed, omittingEmptySubsequences: false)
        guard lines.count >= 3, lines.allSatisfy({ !$0.isEmpty }),
            let size = UInt64(String(decoding: lines[1], as: UTF8.self)),
            Array(String(size).utf8) == Array(lines[1]),
            let bytes = Base64.decode(Array(lines[2]).span), let root = Digest256(bytes.span)
        else { throw .checkpointMalformed }
        self.init(origin: String(decoding: lines[0], as: UTF8.self), size: size, root: root)
    }

    /// The claim in `note`, when a line of `key` holds and the origin is the key's name.
    public init(note: [UInt8], key: NoteKey) throws(EvidenceError) {
        let parsed = try SignedNote(note)
        try parsed.verify(key)
        try self.init(text: parsed.text)
        guard origin == key.name else { throw .originDiffers }
    }

    /// The note's text.
    public var text: [UInt8] {
        Array("\(origin)\n\(size)\n\(Base64.encode(root.bytes.span))\n".utf8)
    }
}

/// Signs the checkpoints of one log, and never two that contradict each other.
public struct CheckpointSigner: ~Copyable, Sendable {
    /// What verifiers check with; its name is the log's origin.
    public let key: NoteKey
    private let signingKey: SigningKey
    private var last: Checkpoint?

    /// A signer for the log `origin`.
    ///
    /// - Parameter last: The last checkpoint that the log is known to have signed.
    public init(
        origin: String, signingKey: consuming SigningKey, last: Checkpoint? = nil
    ) throws(EvidenceError) {
        key = try NoteKey(name: origin, publicKey: signingKey.publicKey)
        self.signingKey = signingKey
        self.last = last
    }

    /// The signed note for a tree of `size` leaves under `root`, with `epoch`'s line when it has one.
    ///
    /// A size below the last one signed, or another root for the same size, is refused (format §4).
    public mutating func sign(
        size: UInt64, root: Digest256, epoch: borrowing EpochSigner
    ) throws(EvidenceError) -> [UInt8] {
        let (text, line) = try signed(size: size, root: root)
        let second = try epoch.line(text)
        return SignedNote(text: text, lines: [line] + (second.map { [$0] } ?? [])).bytes
    }

    /// The same without an epoch.
    public mutating func sign(size: UInt64, root: Digest256) throws(EvidenceError) -> [UInt8] {
        let (text, line) = try signed(size: size, root: root)
        return SignedNote(text: text, lines: [line]).bytes
    }

    /// Certifies the first epoch of the process `boot`.
    public func certify(_ epoch: EpochCertificate, boot: UInt64) throws(EvidenceError) -> [UInt8] {
        do {
            return try signingKey.sign(epoch.text(origin: key.name, boot: boot).span)
        } catch {
            throw .cryptographyFailed
        }
    }

    private mutating func signed(
        size: UInt64, root: Digest256
    ) throws(EvidenceError) -> (text: [UInt8], line: SignedNote.Line) {
        let checkpoint = Checkpoint(origin: key.name, size: size, root: root)
        if let last {
            guard size > last.size || (size == last.size && root == last.root) else {
                throw .signingWouldFork
            }
        }
        let text = checkpoint.text
        let signature: [UInt8]
        do {
            signature = try signingKey.sign(text.span)
        } catch {
            throw .cryptographyFailed
        }
        last = checkpoint
        let line = SignedNote.Line(
            name: key.name, identifier: key.identifier, signature: signature)
        return (text, line)
    }
}
