import Crypto
import Primitives

/// A place in the files of notes: everything before it was compared with the frames.
struct NoteCursor: Equatable, Sendable {
    /// Name of the file, empty before the first one.
    var file = ""
    /// Bytes of the file that were compared.
    var offset = 0
    /// Notes that were compared since the verification began.
    var count = 0
    /// Digest of the last note of the frames before; zero when there is none.
    var last = Digest256.zero
}

extension LogVerifier {
    /// Compares the notes of the frames read so far, as far as they are noted down.
    ///
    /// - Returns: A note that is not the next frame's; nil when there is none.
    mutating func compareNotes(through end: Int) -> (problem: Problem, file: String, offset: Int)? {
        let files = source.files(in: LogLayout.notes).sorted()
        for name in files.drop(while: { $0 < noteCursor.file }) {
            guard noteCursor.count < end else { return nil }
            let file = "\(LogLayout.notes)/\(name)"
            if noteFile?.name != name { noteFile = source.read(file).map { (name, $0) } }
            guard let bytes = noteFile?.bytes, noteFile?.name == name else {
                return (.unreadable, file, 0)
            }
            if name != noteCursor.file {
                noteCursor.file = name
                noteCursor.offset = 0
            }
            while noteCursor.offset < bytes.count, noteCursor.count < end {
                let offset = noteCursor.offset
                let next = NoteFile.end(bytes, from: offset)
                if isBeforeView(bytes, offset..<next) {
                    noteCursor.offset = next
                    continue
                }
                guard notes[noteCursor.count] == hasher.plain(bytes.span.extracting(offset..<next))
                else {
                    return (.noteUnknown, file, offset)
                }
                noteCursor.count += 1
                noteCursor.offset = next
            }
        }
        return nil
    }

    /// Whether a note is for entries of segments that were not read.
    private func isBeforeView(_ bytes: [UInt8], _ place: Range<Int>) -> Bool {
        guard isView, noteCursor.count == 0, prefix == nil, report.pruned == 0 else {
            return false
        }
        guard let parsed = try? SignedNote(Array(bytes[place])),
            let claim = try? Checkpoint(text: parsed.text)
        else { return false }
        return claim.size <= report.start
    }

    /// Makes sure that the published checkpoint and the notes are those of the frames.
    mutating func checkNotes() {
        checkPublished()
        // The last file may have grown since it was read.
        noteFile = nil
        if let found = compareNotes(through: notes.count) {
            add(found.problem, found.file, at: found.offset)
            return
        }
        if let (file, offset) = noteLeft() {
            add(.noteUnknown, file, at: offset)
            return
        }
        guard noteCursor.count < notes.count else { return }
        // The note file follows the frame: between the two a crash may leave one behind.
        let missing = notes.count - noteCursor.count
        add(
            .noteMissing(count: missing), LogLayout.notes,
            weight: missing == 1 && !isEnded ? .unfinished : .broken)
    }

    /// Whether the log ended in order: then what follows a checkpoint frame was done as well.
    private var isEnded: Bool { isEndClean && hasStopped }

    /// Where a note stands that no frame has; nil when all were compared.
    private func noteLeft() -> (file: String, offset: Int)? {
        guard noteCursor.count == notes.count else { return nil }
        for name in source.files(in: LogLayout.notes).sorted() where name >= noteCursor.file {
            let file = "\(LogLayout.notes)/\(name)"
            guard let bytes = source.read(file) else { return (file, 0) }
            let offset = name == noteCursor.file ? noteCursor.offset : 0
            if offset < bytes.count, !(isView && notes.isEmpty && prefix == nil) {
                return (file, offset)
            }
        }
        return nil
    }

    private mutating func checkPublished() {
        guard let bytes = source.read(LogLayout.checkpoint) else {
            if !notes.isEmpty || prefix != nil {
                add(
                    .publishedMissing, LogLayout.checkpoint,
                    weight: notes.count == 1 && prefix == nil && !isEnded ? .unfinished : .broken)
            }
            return
        }
        let digest = hasher.plain(bytes.span)
        let last = notes.last ?? noteCursor.last
        if digest == last { return }
        guard notes.contains(digest) || isOfReadBefore(bytes) else {
            add(.publishedUnknown, LogLayout.checkpoint)
            return
        }
        add(.publishedBehind, LogLayout.checkpoint, weight: isEnded ? .broken : .unfinished)
    }

    /// Whether a note is a checkpoint over the beginning of what was not read.
    private mutating func isOfReadBefore(_ note: [UInt8]) -> Bool {
        guard report.start > 0, let claim = try? Checkpoint(note: note, key: key),
            claim.size <= report.start
        else { return false }
        let root = try? TreeProof.root(size: claim.size, tiles: source.tile, hasher: &hasher)
        return root == claim.root
    }
}
