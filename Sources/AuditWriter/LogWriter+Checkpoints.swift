import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// Checkpoints: nothing is signed that is not durable.
extension LogWriter {
    /// Signs the tree as it is durable now: tiles, root, note, frame, notes file, publication.
    mutating func checkpoint(now: Instant, wall: WallTime) throws(AuditWriterError) {
        try flush(wall: wall)
        lastCheckpoint = now
        var tiles: [(path: TilePath, bytes: [UInt8])] = []
        for path in tree.tiles(since: storedSize) {
            guard let bytes = tree.bytes(of: path) else { continue }
            tiles.append((path, bytes))
        }
        let note: [UInt8]
        do {
            try folder.storeTiles(tiles, since: storedSize)
            note = try signer.sign(size: tree.size, root: tree.root(&hasher), epoch: epoch)
        } catch let error as SystemError {
            throw .system(error)
        } catch let error as EvidenceError {
            throw .evidence(error)
        } catch {
            throw .evidence(.cryptographyFailed)
        }
        try append(.checkpoint, note, wall: wall)
        do {
            try folder.appendNote(note, on: wall)
            try folder.publish(note)
        } catch {
            throw .system(error)
        }
        storedSize = tree.size
        checkpointSize = tree.size
        tree.forget(upTo: storedSize)
        status.publishCheckpoint(size: checkpointSize)
        announce(note: note)
    }

    /// Begins the next epoch with a leaf; from the next checkpoint on its key signs.
    mutating func beginEpoch(now: Instant, wall: WallTime) throws(AuditWriterError) {
        do {
            var next = try epoch.propose(at: tree.size)
            if next.certificate.signature.isEmpty {
                next.certificate.signature = try signer.certify(
                    next.certificate, boot: identity.boot)
            }
            let leaf = next.certificate.value
            text.removeAll()
            let parts = text.write {
                encoder.encode(["epoch": leaf], time: wall, instant: now, into: &$0)
            }
            // A leaf that finds no place leaves the epoch before as it is.
            try addText(.epochKey, parts, wall)
            epoch.adopt(next)
            epochSince = now
        } catch let error as AuditWriterError {
            throw error
        } catch let error as EvidenceError {
            throw .evidence(error)
        } catch {
            throw .evidence(.cryptographyFailed)
        }
    }
}
