import Primitives

/// Logs whose first segments were deleted (format §8): their entries are still in the bundles, so
/// that the whole tree, every tile and every checkpoint noted down is still compared. What is gone
/// are the records; a leaf under a checkpoint has to say so.
extension LogVerifier {
    /// Makes the tree of the entries whose segments are gone, and compares the notes about them.
    mutating func takePruned(size: UInt64) {
        var bundle = EntryBundle()
        do throws(EvidenceError) {
            try takePrunedNotes(size: size, &bundle)
            try grow(to: size, &bundle)
        } catch {
            add(.beginningUnprovable(error), LogLayout.tiles)
            isTreeWhole = false
        }
    }

    /// A bundle of entries as it is stored, so that notes in between don't read it again.
    private struct EntryBundle {
        var index = UInt64.max
        var bytes: [UInt8] = []
    }

    /// Adds the entries up to `size` to the tree.
    private mutating func grow(
        to size: UInt64, _ bundle: inout EntryBundle
    ) throws(EvidenceError) {
        let width = UInt64(HashTree.tileWidth)
        let unit = 2 + TreeHasher.entryBytes
        while tree.size < size {
            let index = tree.size / width
            if bundle.index != index {
                let whole = TilePath(level: nil, index: index, width: HashTree.tileWidth)
                let part = TilePath(
                    level: nil, index: index, width: Int(min(width, report.pruned - index * width)))
                guard let bytes = source.tile(whole) ?? source.tile(part),
                    bytes.count >= part.width * unit
                else { throw .tileMissing(level: 0, index: index) }
                bundle = EntryBundle(index: index, bytes: bytes)
            }
            let start = Int(tree.size % width) * unit + 2
            let entry = Array(bundle.bytes[start..<start + TreeHasher.entryBytes])
            tree.append(entry.span, &hasher)
            report.kinds[Int(entry[3])] += 1
            if tree.size % LogVerifier.prunedStride == 0 { checkTiles() }
        }
    }

    /// Entries after which tiles are compared, and dropped from memory.
    private static var prunedStride: UInt64 { 1 << 16 }

    /// Compares the notes about what is gone; the first one that is wrong stays to be named.
    private mutating func takePrunedNotes(
        size: UInt64, _ bundle: inout EntryBundle
    ) throws(EvidenceError) {
        for name in source.files(in: LogLayout.notes).sorted() {
            guard let bytes = source.read("\(LogLayout.notes)/\(name)") else { return }
            noteCursor.file = name
            noteCursor.offset = 0
            while noteCursor.offset < bytes.count {
                let end = NoteFile.end(bytes, from: noteCursor.offset)
                let note = Array(bytes[noteCursor.offset..<end])
                guard let claim = try? Checkpoint(note: note, key: key), claim.size <= size,
                    claim.size >= tree.size
                else { return }
                try grow(to: claim.size, &bundle)
                guard tree.root(&hasher) == claim.root else { return }
                noteCursor.offset = end
                noteCursor.last = hasher.plain(note.span)
                report.checkpoints += 1
                report.checkpointSize = claim.size
                report.checkpointRoot = claim.root
            }
        }
    }

    /// The first record that has to be there, by the leaves that a checkpoint covers.
    var allowedMinimum: UInt64 {
        minima.filter { $0.index < report.checkpointSize || $0.index == 0 }.map(\.minimum).max()
            ?? 0
    }

    /// Takes what a leaf says is the first record that remains; it can't be after the leaf.
    mutating func takeMinimum(_ minimum: UInt64, index: UInt64, _ file: String, _ offset: Int) {
        guard minimum <= index else {
            add(.minimumContradicts(index: index), file, at: offset)
            return
        }
        minima.append((index, minimum))
    }

    /// Makes sure that only such segments are gone as leaves allow.
    mutating func finishPruned() {
        let allowed = allowedMinimum
        report.minimum = allowed
        let isLeading = missingSegments.allSatisfy { $0 < firstSegment }
        if !missingSegments.isEmpty, !isLeading || report.pruned > allowed {
            for number in missingSegments {
                add(
                    .segmentMissing, "\(LogLayout.segments)/\(LogLayout.segmentName(number))")
            }
            return
        }
        guard readsRecords || report.pruned == 0 else { return }
        if report.pruned > allowed {
            add(
                .segmentsDeleted(before: report.pruned, allowed: allowed), LogLayout.segments)
        } else if report.pruned > 0 {
            add(.pruned(records: report.pruned), LogLayout.segments, weight: .notice)
        }
        if report.start == report.pruned, let next = secondIndex, next <= allowed {
            add(.pruningUnfinished, LogLayout.segments, weight: .notice)
        }
    }
}
