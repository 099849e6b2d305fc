import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// A checkpoint that is in a frame, and not published yet.
struct PendingNote: Sendable {
    var note: [UInt8]
    var size: UInt64
    /// Whether the notes file has it.
    var isNoted = false
}

/// Checkpoints: nothing is signed that is not durable.
extension LogWriter {
    /// Signs the tree as it is durable now: tiles, root, note, frame, notes file, publication.
    ///
    /// A note that is in a frame is noted down and published before another one is signed.
    ///
    /// - Throws: `checkpointRefused` when the disk refuses tiles, notes or publication;
    ///   `writeRefused` when it refuses frames.
    mutating func checkpoint(now: Instant, wall: WallTime) throws(AuditWriterError) {
        try flush(now: now, wall: wall)
        lastCheckpoint = now
        if delay != nil {
            do throws(SystemError) { try folder.revive() } catch { throw .checkpointRefused(error) }
        }
        try publishNote(wall: wall)
        if tree.size > checkpointSize {
            try storeTiles()
            let note: [UInt8]
            do throws(SigningFailure) {
                note = try signer.sign(size: tree.size, root: tree.root(&hasher), epoch: epoch)
            } catch {
                throw error.forWriter
            }
            try append(.checkpoint, note, now: now, wall: wall)
            checkpointSize = tree.size
            pendingNote = PendingNote(note: note, size: tree.size)
            try publishNote(wall: wall)
        }
        endDelay(now: now, wall: wall)
    }

    private mutating func storeTiles() throws(AuditWriterError) {
        var tiles: [(path: TilePath, bytes: [UInt8])] = []
        for path in tree.tiles(since: storedSize) {
            guard let bytes = tree.bytes(of: path) else { continue }
            tiles.append((path, bytes))
        }
        let began = beginCommit()
        defer { endCommit(began) }
        do throws(SystemError) {
            try folder.storeTiles(tiles, since: storedSize)
        } catch {
            throw .checkpointRefused(error)
        }
        storedSize = tree.size
        tree.forget(upTo: storedSize)
    }

    private mutating func publishNote(wall: WallTime) throws(AuditWriterError) {
        guard let pending = pendingNote else { return }
        let began = beginCommit()
        defer { endCommit(began) }
        do throws(SystemError) {
            if folder.areNotesLost {
                try folder.refillNotes(on: wall)
            } else if !pending.isNoted {
                try folder.appendNote(pending.note, on: wall)
            }
            pendingNote?.isNoted = true
            try folder.publish(pending.note)
        } catch {
            throw .checkpointRefused(error)
        }
        pendingNote = nil
        status.publishCheckpoint(size: pending.size)
        status.publishCheckpoint(at: SystemClock.monotonic())
        announce(note: pending.note)
    }

    /// Begins the next epoch with a leaf; from the next checkpoint on its key signs.
    mutating func beginEpoch(now: Instant, wall: WallTime) throws(AuditWriterError) {
        var next: ProposedEpoch
        do throws(EvidenceError) {
            next = try epoch.propose(at: tree.size)
        } catch {
            throw .evidence(error)
        }
        if next.certificate.signature.isEmpty {
            do throws(SigningFailure) {
                next.certificate.signature = try signer.certify(
                    next.certificate, boot: identity.boot)
            } catch {
                throw error.forWriter
            }
        }
        // A leaf that finds no place leaves the epoch before as it is.
        try add(["epoch": next.certificate.value], .epochKey, now: now, wall: wall)
        epoch.adopt(next)
        epochSince = now
    }
}
