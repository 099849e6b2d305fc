import AuditSegments
import LinuxIO
import Primitives

/// The published files of a log, as a thread beside the writer's reads them.
struct TileFolder: ~Copyable, Sendable {
    private let root: DurableDirectory

    /// The files of the log in `path`, its own folder.
    init(log path: String) throws(SystemError) {
        root = try DurableDirectory(path: path)
    }

    /// The hashes that show that the tree of `old` leaves begins the one of `size`.
    borrowing func consistency(
        from old: UInt64, to size: UInt64, hasher: inout TreeHasher
    ) throws(EvidenceError) -> [Digest256] {
        guard old > 0, old < size else { return [] }
        return try TreeProof.consistency(
            first: old, second: size, tiles: { tile($0) }, hasher: &hasher)
    }

    /// The bytes of a tile, from one as wide or wider: the writer replaces partial ones.
    private borrowing func tile(_ path: TilePath) -> [UInt8]? {
        let whole = TilePath(level: path.level, index: path.index, width: HashTree.tileWidth)
        for name in [path.text, whole.text] {
            if let bytes = read(name) { return bytes }
        }
        let partial = path.partialFolder
        let names = (try? root.names(in: "\(LogLayout.served)/\(partial)")) ?? []
        for width in names.compactMap({ Int($0.name) }).sorted() where width >= path.width {
            if let bytes = read("\(partial)/\(width)") { return bytes }
        }
        return nil
    }

    private borrowing func read(_ name: String) -> [UInt8]? {
        (try? root.read("\(LogLayout.served)/\(name)")) ?? nil
    }

    /// The newest checkpoint that `key`'s owner cosigned; nil when there is none.
    borrowing func cosigned(by key: WitnessKey) -> Checkpoint? {
        cosignedNote(by: key).flatMap { try? Checkpoint(text: $0.text) }
    }

    /// The note of that checkpoint.
    borrowing func cosignedNote(by key: WitnessKey) -> SignedNote? {
        guard let bytes = (try? root.read(LogLayout.cosigned(by: key))) ?? nil,
            let note = try? SignedNote(bytes), (try? key.verify(note)) != nil
        else { return nil }
        return note
    }

    /// Keeps `note` as the newest that `key`'s owner cosigned, durably.
    borrowing func keep(_ note: SignedNote, cosignedBy key: WitnessKey) throws(SystemError) {
        try root.folder(LogLayout.cosigned, create: true)
            .replace(key.identifierText, note.bytes.span)
    }
}
