import Primitives

/// The evidence for one record: the way from its leaf to a signed checkpoint (C2SP tlog-proof v1).
///
/// ```
/// c2sp.org/tlog-proof@v1
/// extra <base64>              may be missing
/// index <n>
/// <base64 hash>               leaf → root, any number of lines
///                             a blank line
/// the checkpoint, a signed note
/// ```
public struct TransparencyProof: Equatable, Sendable {
    /// Opaque bytes that travel along.
    public var extra: [UInt8]?
    /// Index of the leaf.
    public var index: UInt64
    /// Hashes from the leaf to the root.
    public var hashes: [Digest256]
    /// The signed checkpoint.
    public var note: [UInt8]

    private static let header = "c2sp.org/tlog-proof@v1"

    /// The proof of the leaf `index` under the checkpoint `note`.
    public init(index: UInt64, hashes: [Digest256], note: [UInt8], extra: [UInt8]? = nil) {
        self.extra = extra
        self.index = index
        self.hashes = hashes
        self.note = note
    }

    /// Parses a `.tlog-proof` file.
    public init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= 2 * SignedNote.limitBytes else { throw .proofMalformed }
        var lines: [String] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: .lineFeed) {
            let line = bytes[start..<end]
            start = end + 1
            if line.isEmpty { break }
            lines.append(String(decoding: line, as: UTF8.self))
        }
        note = Array(bytes[start...])
        guard !note.isEmpty, lines.first == TransparencyProof.header else { throw .proofMalformed }
        lines.removeFirst()
        if let line = lines.first, line.hasPrefix("extra ") {
            guard let decoded = Base64.decode(Array(line.dropFirst(6).utf8).span) else {
                throw .proofMalformed
            }
            extra = decoded
            lines.removeFirst()
        }
        guard let line = lines.first, line.hasPrefix("index "),
            let number = UInt64(line.dropFirst(6)), "index \(number)" == line
        else { throw .proofMalformed }
        index = number
        hashes = []
        for line in lines.dropFirst() {
            guard hashes.count < 63, let decoded = Base64.decode(Array(line.utf8).span),
                let hash = Digest256(decoded.span)
            else { throw .proofMalformed }
            hashes.append(hash)
        }
    }

    /// The file's bytes.
    public var bytes: [UInt8] {
        var text = Array("\(TransparencyProof.header)\n".utf8)
        if let extra {
            text += Array("extra \(Base64.encode(extra.span))\n".utf8)
        }
        text += Array("index \(index)\n".utf8)
        for hash in hashes { text += Array("\(Base64.encode(hash.bytes.span))\n".utf8) }
        return text + [.lineFeed] + note
    }

    /// Makes sure that `entry` is in the log that `key` signs for, and answers the checkpoint.
    public func verify(
        entry: [UInt8], key: NoteKey, hasher: inout TreeHasher
    ) throws(EvidenceError) -> Checkpoint {
        let checkpoint = try Checkpoint(note: note, key: key)
        try TreeProof.verifyInclusion(
            leaf: hasher.leaf(entry.span), index: index, size: checkpoint.size, proof: hashes,
            root: checkpoint.root, hasher: &hasher)
        return checkpoint
    }
}
