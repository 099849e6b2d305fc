import Primitives

/// A checkpoint of a log that somebody else remembers: the signer's state, a journal, a witness.
///
/// A log that is smaller than one of them, or has another root there, was rolled back (§7 row 5).
public struct SeenCheckpoint: Equatable, Sendable {
    /// The log's name.
    public var origin: String
    /// Leaves in the tree.
    public var size: UInt64
    /// The tree's hash; nil where the size alone is known, as from a witness that has seen more.
    public var root: Digest256?
    /// Who has seen it, in one word: `signer`, `journald`, `checkpoint` or a witness' name.
    public var source: String

    /// What `source` has seen of `origin`.
    public init(origin: String, size: UInt64, root: Digest256?, source: String) {
        self.origin = origin
        self.size = size
        self.root = root
        self.source = source
    }
}
