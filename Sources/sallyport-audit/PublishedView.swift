import AuditSegments
import Primitives

/// A log as it stood when its published checkpoint was signed.
///
/// A log that is being written changes while it is read: frames come after the checkpoint that
/// was read first, and partial tiles give way to wider ones. This view leaves out what came after.
struct PublishedView: LogSource, Sendable {
    let folder: LogFolder
    /// The published checkpoint, and how many entries it covers.
    let note: [UInt8]
    let size: UInt64
    /// The segment that holds its frame, and where the frame ends.
    private let lastSegment: UInt64
    private let end: UInt64
    /// The tiles at the right edge, each with its width at that time.
    private let edges: [String: TilePath]

    /// The view; nil when nothing is published, or it is in no frame.
    init?(_ folder: LogFolder) {
        guard let note = folder.read(LogLayout.checkpoint), let parsed = try? SignedNote(note),
            let checkpoint = try? Checkpoint(text: parsed.text),
            let place = PublishedView.place(of: note, in: folder)
        else { return nil }
        self.folder = folder
        self.note = note
        size = checkpoint.size
        (lastSegment, end) = place
        var edges: [String: TilePath] = [:]
        var levels: [Int?] = [nil]
        levels += (0..<8).map { Optional($0) }
        for level in levels {
            let count = checkpoint.size >> UInt64((level ?? 0) * HashTree.tileHeight)
            let width = count % UInt64(HashTree.tileWidth)
            guard width > 0 else { continue }
            let path = TilePath(
                level: level, index: count / UInt64(HashTree.tileWidth), width: Int(width))
            edges["\(LogLayout.served)/\(path.text)"] = path
        }
        self.edges = edges
    }

    private static func place(of note: [UInt8], in folder: LogFolder) -> (UInt64, UInt64)? {
        for number in folder.segments.reversed() {
            var reader = SegmentPieces(path: folder.segmentPath(number))
            while let piece = try? reader.next(sealed: false) {
                if piece.header.type == .checkpoint, piece.clear == note {
                    return (number, reader.offset)
                }
            }
        }
        return nil
    }

    func files(in path: String) -> [String] {
        let names = folder.files(in: path).filter { !$0.hasSuffix(LogLayout.temporaryEnding) }
        if path == LogLayout.segments {
            return names.filter { LogLayout.segmentNumber($0) ?? 0 <= lastSegment }
        }
        if path == LogLayout.notes { return notesFiles(names) }
        guard path.hasPrefix(LogLayout.tiles) else { return names }
        let edge = edges.values.filter { "\(LogLayout.served)/\($0.partialFolder)" == path }
        if !edge.isEmpty { return edge.map { String($0.width) } }
        return names.filter { name in
            guard let tile = TilePath("\(path)/\(name)".droppingServed) else { return true }
            let count = size >> UInt64((tile.level ?? 0) * HashTree.tileHeight)
            return tile.isWhole && tile.index < count / UInt64(HashTree.tileWidth)
        }
    }

    func folders(in path: String) -> [String] {
        let names = folder.folders(in: path)
        guard path.hasPrefix(LogLayout.tiles) else { return names }
        let edge = edges.values.map { "\(LogLayout.served)/\($0.partialFolder)" }
            .filter { $0.hasPrefix("\(path)/") && !$0.dropFirst(path.count + 1).contains("/") }
            .map { String($0.dropFirst(path.count + 1)) }
        return names.filter { !$0.hasSuffix(".p") } + edge
    }

    func read(_ path: String) -> [UInt8]? {
        if path == LogLayout.checkpoint { return note }
        if let tile = edges[path] { return folder.tile(tile) }
        guard let bytes = folder.read(path) else { return nil }
        if path.hasPrefix(LogLayout.notes), let end = PublishedView.end(of: note, in: bytes) {
            return Array(bytes[..<end])
        }
        let last = "\(LogLayout.segments)/\(LogLayout.segmentName(lastSegment))"
        return path == last ? Array(bytes.prefix(Int(end))) : bytes
    }

    /// The files up to the one with the published note.
    private func notesFiles(_ names: [String]) -> [String] {
        let sorted = names.sorted()
        for (position, name) in sorted.enumerated().reversed() {
            if let bytes = folder.read("\(LogLayout.notes)/\(name)"),
                PublishedView.end(of: note, in: bytes) != nil
            {
                return Array(sorted[...position])
            }
        }
        return sorted
    }

    /// Where `note` ends in `bytes`; searched from the end, where it nearly always is.
    private static func end(of note: [UInt8], in bytes: [UInt8]) -> Int? {
        guard !note.isEmpty, bytes.count >= note.count else { return nil }
        for start in stride(from: bytes.count - note.count, through: 0, by: -1)
        where bytes[start] == note[0] && bytes[start..<start + note.count].elementsEqual(note) {
            return start + note.count
        }
        return nil
    }
}

extension String {
    /// A path without the folder of what is served.
    fileprivate var droppingServed: String { String(dropFirst(LogLayout.served.count + 1)) }
}
