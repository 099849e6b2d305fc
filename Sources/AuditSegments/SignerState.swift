import Primitives

/// What a signer has signed, per log: it never signs a smaller tree, a second root for a size, or a
/// second epoch of a number (format §4, §7 row 5).
///
/// As a file, one line for each log, the one signed last at the end:
/// ```
/// sallyport signer state v1 ⏎
/// origin SPACE size SPACE base64(root) SPACE last epoch ⏎ …
/// ```
public struct SignerState: Equatable, Sendable {
    /// One log.
    public struct Entry: Equatable, Sendable {
        /// The log's name.
        public var origin: String
        /// Leaves under the last checkpoint.
        public var size: UInt64 = 0
        /// Its root.
        public var root = Digest256.zero
        /// The last epoch that the log's own key has certified.
        public var epoch: UInt64 = 0
    }

    /// The logs, in the order in which they were signed for last.
    public private(set) var entries: [Entry] = []

    private static let mark = "sallyport signer state v1"
    /// Most logs; a new one begins only when continuity with the one before is broken.
    public static let limitEntries = 256
    /// Largest file.
    public static let limitBytes = 1 << 18
    /// Most bytes of a log's name.
    public static let limitOriginBytes = 256

    /// A signer that has signed nothing.
    public init() {}

    /// Reads what `bytes` wrote: exactly that form.
    public init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= SignerState.limitBytes,
            let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n")
        else { throw .signerStateMalformed }
        let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == SignerState.mark[...] else { throw .signerStateMalformed }
        for line in lines.dropFirst() {
            let pieces = line.split(separator: " ", omittingEmptySubsequences: false)
            guard pieces.count == 4, NoteKey.isName(String(pieces[0])),
                let size = UInt64(pieces[1]), let epoch = UInt64(pieces[3]),
                let root = Base64.decode(Array(pieces[2].utf8).span).flatMap({
                    Digest256($0.span)
                })
            else { throw .signerStateMalformed }
            let origin = String(pieces[0])
            guard entry(origin) == nil else { throw .signerStateMalformed }
            entries.append(Entry(origin: origin, size: size, root: root, epoch: epoch))
        }
        guard entries.count <= SignerState.limitEntries, self.bytes == bytes else {
            throw .signerStateMalformed
        }
    }

    /// The file.
    public var bytes: [UInt8] {
        var text = SignerState.mark + "\n"
        for entry in entries {
            let root = Base64.encode(entry.root.bytes.span)
            text += "\(entry.origin) \(entry.size) \(root) \(entry.epoch)\n"
        }
        return Array(text.utf8)
    }

    /// What was signed for the log `origin`; nil when nothing was.
    public func entry(_ origin: String) -> Entry? { entries.first { $0.origin == origin } }

    /// Takes a checkpoint that is about to be signed.
    ///
    /// - Returns: Whether anything changed, and so has to be durable before the signature leaves.
    public mutating func take(_ checkpoint: Checkpoint) throws(EvidenceError) -> Bool {
        var entry = try known(checkpoint.origin)
        if entry.size == checkpoint.size, entry.root == checkpoint.root { return false }
        // A log without a leaf has a root, too; the first signature of all may be for it.
        let isFirst = entry.size == 0 && entry.root == .zero
        guard checkpoint.size > entry.size || isFirst else { throw .signingWouldFork }
        entry.size = checkpoint.size
        entry.root = checkpoint.root
        put(entry)
        return true
    }

    /// Takes a boot's first epoch that is about to be certified for the log `origin`.
    ///
    /// Its number is not below one that was certified before, and its leaf lies behind the last
    /// checkpoint: no epoch of the past begins a second time. The same number may be asked for again,
    /// because a process may end before its leaf is durable; in a log that holds the first one, the
    /// second does not count.
    public mutating func take(
        epoch: EpochCertificate, origin: String
    ) throws(EvidenceError) {
        var entry = try known(origin)
        guard epoch.number >= entry.epoch, epoch.first >= entry.size else {
            throw .signingWouldFork
        }
        entry.epoch = epoch.number
        put(entry)
    }

    private func known(_ origin: String) throws(EvidenceError) -> Entry {
        if let entry = entry(origin) { return entry }
        guard entries.count < SignerState.limitEntries,
            origin.utf8.count <= SignerState.limitOriginBytes
        else { throw .signerFull }
        return Entry(origin: origin)
    }

    private mutating func put(_ entry: Entry) {
        entries.removeAll { $0.origin == entry.origin }
        entries.append(entry)
    }
}
