import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// Frames: what is appended is durable, or went into a second file, or is refused.
extension LogWriter {
    /// Writes the batch as a frame, makes it durable, and says so.
    mutating func flush(wall: WallTime) throws(AuditWriterError) {
        guard batch.count > 0 else { return }
        do throws(SystemError) {
            try veil?.keyring.commit()
        } catch {
            throw .system(error)
        }
        do {
            try batch.compress()
        } catch {
            throw .evidence(error)
        }
        do {
            try LogWriter.write(&batch, &segment)
            isOnSecondFile = false
        } catch {
            try openSecondFile(after: error, wall: wall)
            do {
                try LogWriter.write(&batch, &segment)
            } catch {
                throw .writeRefused(error)
            }
        }
        batch.reset()
        for index in 0..<rings.count {
            rings[index].release()
            if status.publishDurable(worker: index, records: rings[index].takenCount) {
                wakers[index]?()
            }
        }
        status.publishDurable(size: tree.size)
        announceEvents()
    }

    static func write(
        _ batch: inout BatchEncoder, _ segment: inout SegmentFile
    ) throws(SystemError) {
        let digest = batch.stamp(number: segment.nextNumber, previous: segment.previous)
        try segment.append(batch.bytes, digest: digest)
    }

    /// Appends a small frame durably, in a second file when the first refuses it.
    mutating func append(
        _ type: FrameType, _ clear: [UInt8], wall: WallTime
    ) throws(AuditWriterError) {
        do {
            try appendOnce(type, clear)
            isOnSecondFile = false
        } catch {
            try openSecondFile(after: error, wall: wall)
            do {
                try appendOnce(type, clear)
            } catch {
                throw .writeRefused(error)
            }
        }
    }

    mutating func appendOnce(_ type: FrameType, _ clear: [UInt8]) throws(SystemError) {
        let frame = frames.encode(
            type, number: segment.nextNumber, previous: segment.previous, clear: clear,
            hasher: &hasher)
        try segment.append(frame.bytes.span, digest: frame.digest)
    }

    /// Goes on in another segment after `failure`; a failure there is final (format §7 row 7).
    mutating func openSecondFile(
        after failure: SystemError, wall: WallTime
    ) throws(AuditWriterError) {
        // A segment that was removed takes frames along that no other file can replace.
        guard !isOnSecondFile, !failure.isMissingFile else { throw .writeRefused(failure) }
        isOnSecondFile = true
        refusals.append(.segmentFailed(segment: segment.name, code: Int64(failure.code)))
        // What was refused may partly be there; if it can't be cut off, the verifier says so.
        try? segment.close()
        try beginSegment(isClean: false, now: segment.since)
    }
}
