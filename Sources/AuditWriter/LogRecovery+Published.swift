import AuditSegments
import LinuxIO
import Primitives

/// What others may have seen of a log, in checkpoints that its files or its witnesses hold: all of
/// it must be in the segments (format §7, rows 4 and 5).
extension LogRecovery {
    /// Takes the last checkpoint that the log's own files name as seen, and puts all in order.
    mutating func readPublished(_ folder: borrowing LogFolder) throws {
        var notes: [(note: [UInt8], source: String)] = []
        if let name = try folder.notesFiles().last, let bytes = try folder.notes.read(name) {
            // The last one may be cut; the one before it is whole.
            notes += NoteFile.notes(in: bytes).suffix(2).map { ($0, "notes") }
        }
        // Behind the notes: of two of one size, the published one is named.
        if let published = try folder.served.read("checkpoint") {
            notes.append((published, "checkpoint"))
        }
        for (note, source) in notes {
            guard let claim = try? Checkpoint(note: note, key: key) else { continue }
            seen.append(
                SeenCheckpoint(
                    origin: claim.origin, size: claim.size, root: claim.root, source: source))
        }
        seen = seen.filter { $0.size > 0 }.sorted { $0.size < $1.size }
    }

    /// Compares the tree with what was seen of it at this size.
    mutating func compareSeen() {
        while seenCount < seen.count, seen[seenCount].size <= tree.size {
            let claim = seen[seenCount]
            seenCount += 1
            guard rolledBack == nil, claim.size == tree.size else { continue }
            if let root = claim.root, root != tree.root(&hasher) {
                rolledBack = RolledBackLog(origin: key.name, had: tree.size, seen: claim)
            }
        }
    }

    /// Makes the log, which is new, the one that stands for another from now on.
    mutating func replace(_ other: RolledBackLog) {
        replaces = other.logID
        events.insert(other.event, at: 0)
    }

    mutating func checkPublished(
        _ folder: borrowing LogFolder, _ names: [String]
    ) throws {
        if let published = try folder.served.read("checkpoint") {
            try requireKnown(published, LogLayout.checkpoint)
        }
        // The notes are those of the frames, in order; a crash may have lost the last ones.
        var noted = 0
        for name in try folder.notesFiles() {
            let bytes = try folder.notes.read(name) ?? []
            let ones = NoteFile.notes(in: bytes)
            for (position, one) in ones.enumerated() {
                if noted < notes.count, notes[noted] == hasher.plain(one.span) {
                    noted += 1
                    continue
                }
                if noted == 0, isOfPruned(one) { continue }
                let rest = ones[position...]
                if let whole = LogRecovery.tornAppend(
                    bytes, rest, of: try noteInFrame(noted, folder, names))
                {
                    // The frame has the whole note, which is appended again.
                    let file = try folder.notes.openFile(name)
                    try file.truncate(to: UInt64(whole))
                    try file.sync()
                    break
                }
                try requireKnown(one, "\(LogLayout.notes)/\(name)")
                throw AuditWriterError.checkpointUnknown(file: "\(LogLayout.notes)/\(name)")
            }
        }
        for position in noted..<max(noted, notePlaces.count) {
            if let note = try noteInFrame(position, folder, names) { unnoted.append(note) }
        }
    }

    /// The note of the checkpoint frame at `position` of all; nil when there is none.
    private func noteInFrame(
        _ position: Int, _ folder: borrowing LogFolder, _ names: [String]
    ) throws -> [UInt8]? {
        guard position < notePlaces.count else { return nil }
        let place = notePlaces[position]
        let bytes = try folder.segments.read(names[place.segment]) ?? []
        guard place.clear.upperBound <= bytes.count else { return nil }
        return Array(bytes[place.clear])
    }

    /// Where a notes file ends when all of `rest` is what a torn append left; nil when it is not.
    ///
    /// The bytes of an append that was cut may be zeros behind any of its lines. What is before
    /// them may be a note of its own, with fewer signatures than the whole one in the frame.
    private static func tornAppend(
        _ bytes: [UInt8], _ rest: ArraySlice<[UInt8]>, of whole: [UInt8]?
    ) -> Int? {
        let end = bytes.count - rest.reduce(0) { $0 + $1.count }
        if rest.allSatisfy({ (try? SignedNote($0)) == nil }) { return end }
        var torn = bytes[end...]
        while torn.last == 0 { torn.removeLast() }
        return whole?.starts(with: torn) == true ? end : nil
    }

    private mutating func requireKnown(_ published: [UInt8], _ file: String) throws {
        if notes.contains(hasher.plain(published.span)) { return }
        throw AuditWriterError.checkpointUnknown(file: file)
    }
}
