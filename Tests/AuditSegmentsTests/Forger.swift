import AuditSegments
import Crypto
import Primitives

/// Somebody who can rewrite every file of a log and knows its format: frames are taken out, put in
/// and changed, and all that needs no key is made to fit again.
///
/// Numbers, hashes, CRCs, first indices, seals, tiles, the notes' file and the publication follow
/// from the frames; a checkpoint keeps its note, unless the signing key was stolen as well.
struct Forger {
    struct Piece: Equatable {
        var type: FrameType
        var flags: UInt8 = 0
        var clear: [UInt8]
        var sealed: [UInt8] = []
    }

    var segments: [[Piece]] = []

    init(_ files: MemoryFiles) throws {
        let names = files.files(in: LogLayout.segments).sorted()
        for name in names where LogLayout.segmentNumber(name) != nil {
            segments.append(Forger.pieces(files.contents["segments/\(name)"] ?? []))
        }
    }

    private static func pieces(_ bytes: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var offset = 0
        while let header = try? FrameHeader(bytes.span.extracting(droppingFirst: offset)) {
            let clear = offset + FrameHeader.byteCount
            let sealed = clear + header.clearCount
            pieces.append(
                Piece(
                    type: header.type, flags: header.flags, clear: Array(bytes[clear..<sealed]),
                    sealed: Array(bytes[sealed..<sealed + header.sealedCount])))
            offset += header.frameCount
        }
        return pieces
    }

    /// Every place that holds a frame of `type`.
    func places(_ type: FrameType) -> [(segment: Int, piece: Int)] {
        segments.indices.flatMap { segment in
            segments[segment].indices.filter { segments[segment][$0].type == type }
                .map { (segment, $0) }
        }
    }

    /// Changes what a head says.
    mutating func changeHead(_ segment: Int, _ change: (inout SegmentHead) -> Void) throws {
        var head = try SegmentHead(json: segments[segment][0].clear)
        change(&head)
        segments[segment][0].clear = head.json
    }

    /// The log's files as they are now.
    ///
    /// - Parameter key: A stolen signing key: checkpoints are signed anew with it.
    func files(signingWith key: consuming SigningKey? = nil) throws -> MemoryFiles {
        var writer = try ForgedFiles(key: key, origin: try origin())
        for pieces in segments { try writer.add(pieces) }
        return writer.files
    }

    private func origin() throws -> String {
        guard let head = segments.first?.first, head.type == .head else { return "none" }
        return try SegmentHead(json: head.clear).origin
    }
}

/// Writes forged frames so that only signatures can tell.
private struct ForgedFiles: ~Copyable {
    var files = MemoryFiles()
    private var tree = LogTree()
    private var hasher: TreeHasher
    private var signer: CheckpointSigner?
    private var number: UInt64 = 0
    private var previous = Digest256.zero
    private var previousSegment = Digest256.zero
    private var stored: UInt64 = 0
    private var notes: [UInt8] = []

    init(key: consuming SigningKey?, origin: String) throws {
        let newHasher = try TreeHasher(try CryptoLibrary())
        if let key = key {
            let newSigner = try CheckpointSigner(origin: origin, signingKey: key)
            signer = consume newSigner
        } else {
            signer = nil
        }
        hasher = newHasher
    }

    mutating func add(_ pieces: [Forger.Piece]) throws {
        let path = "segments/\(LogLayout.segmentName(number))"
        var bytes: [UInt8] = []
        for piece in pieces {
            var piece = piece
            switch piece.type {
            case .head:
                if var head = try? SegmentHead(json: piece.clear) {
                    head.firstIndex = tree.size
                    head.previousSegment = previousSegment
                    piece.clear = head.json
                }
            case .batch: takeEntries(&piece)
            case .checkpoint: try takeCheckpoint(&piece)
            case .seal:
                let content = bytes
                piece.clear =
                    SegmentSeal(end: tree.size, digest: hasher.plain(content.span)).json
            }
            let frame = ForgedFiles.frame(piece, number: number, previous: previous)
            bytes += frame
            previous = hasher.plain(frame.span)
            number += 1
        }
        files.contents[path] = bytes
        previousSegment = hasher.plain(bytes.span)
    }

    private mutating func takeEntries(_ piece: inout Forger.Piece) {
        for position in 0..<8 {
            piece.clear[position] = UInt8(truncatingIfNeeded: tree.size >> (56 - 8 * position))
        }
        guard let header = try? BatchHeader(clear: piece.clear.span) else { return }
        for position in 0..<header.count {
            tree.append(piece.clear.span.extracting(BatchHeader.entryRange(position)), &hasher)
        }
    }

    private mutating func takeCheckpoint(_ piece: inout Forger.Piece) throws {
        for path in tree.tiles(since: stored) {
            files.contents["tlog/\(path.text)"] = tree.bytes(of: path)
        }
        stored = tree.size
        if signer != nil {
            let root = tree.root(&hasher)
            piece.clear = try signer?.sign(size: tree.size, root: root) ?? []
        }
        notes += piece.clear
        files.contents["notes/20260101.notes"] = notes
        files.contents[LogLayout.checkpoint] = piece.clear
    }

    private static func frame(
        _ piece: Forger.Piece, number: UInt64, previous: Digest256
    ) -> [UInt8] {
        var bytes: [UInt8] = Array("ALF1".utf8) + [piece.type.rawValue, piece.flags, 0, 0]
        bytes += bigEndian(number, 8)
        bytes += bigEndian(UInt64(piece.clear.count), 4)
        bytes += bigEndian(UInt64(piece.sealed.count), 4)
        bytes += [0, 0, 0, 0] + previous.bytes + [0, 0, 0, 0] + piece.clear + piece.sealed
        bytes.replaceSubrange(24..<28, with: bigEndian(UInt64(CRC32C().checksum(bytes.span)), 4))
        return bytes + [UInt8](repeating: 0, count: -bytes.count & 7)
    }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }
}
