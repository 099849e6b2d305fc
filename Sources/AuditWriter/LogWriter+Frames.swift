import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// Frames: what is appended is durable, or went into a second file, or is refused.
extension LogWriter {
    /// Writes the batch as a frame, makes it durable, and says so.
    ///
    /// - Throws: `writeRefused` when a second file was refused as well; the batch is kept.
    mutating func flush(now: Instant, wall: WallTime) throws(AuditWriterError) {
        guard batch.count > 0 else { return }
        try prepareBatch()
        do throws(SystemError) {
            try writeOnce()
        } catch {
            try makeWritable(after: error, now: now, wall: wall)
            do throws(SystemError) { try writeOnce() } catch { throw .writeRefused(error) }
        }
        publishBatch()
    }

    /// The same, without a second file.
    mutating func writeBatch() throws(AuditWriterError) {
        guard batch.count > 0 else { return }
        try prepareBatch()
        do throws(SystemError) { try writeOnce() } catch { throw .writeRefused(error) }
        publishBatch()
    }

    /// Compresses the batch, and makes the keys durable that its records name.
    private mutating func prepareBatch() throws(AuditWriterError) {
        do throws(SystemError) { try veil?.keyring.commit() } catch { throw .writeRefused(error) }
        do throws(EvidenceError) { try batch.compress() } catch { throw .evidence(error) }
    }

    private mutating func writeOnce() throws(SystemError) {
        let began = beginCommit()
        let count = batch.bytes.count
        defer { endCommit(began, bytes: count) }
        try LogWriter.write(&batch, &segment, folder)
    }

    /// A function of the pieces, so that a span of one may be read beside a change of another.
    private static func write(
        _ batch: inout BatchEncoder, _ segment: inout SegmentFile, _ folder: borrowing LogFolder
    ) throws(SystemError) {
        let digest = batch.stamp(number: segment.nextNumber, previous: segment.previous)
        try segment.append(batch.bytes, digest: digest, in: folder.segments)
    }

    private mutating func publishBatch() {
        for index in 0..<rings.count {
            rings[index].release()
            if status.publishDurable(worker: index, records: rings[index].takenCount) {
                wakers[index]?()
            }
        }
        status.publishDurable(size: tree.size)
        announceRecords()
        batch.reset()
        announceEvents()
    }

    /// Appends a small frame durably, in a second file when the first refuses it.
    ///
    /// - Throws: `writeRefused` when a second file was refused as well.
    mutating func append(
        _ type: FrameType, _ clear: [UInt8], now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        do throws(SystemError) {
            try appendOnce(type, clear)
        } catch {
            try makeWritable(after: error, now: now, wall: wall)
            do throws(SystemError) {
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
        let began = beginCommit()
        defer { endCommit(began, bytes: frame.bytes.count) }
        try segment.append(
            frame.bytes.span, digest: frame.digest, in: folder.segments, isSeal: type == .seal)
    }

    /// Gives the segment its name back, or goes on in another one (format §7 rows 7 and 8).
    private mutating func makeWritable(
        after failure: SystemError, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        guard segment.isSpent else { return try restoreSegment(now: now, wall: wall) }
        let name = segment.name
        try replaceSegment()
        queue(.event(.segmentFailed(segment: name, code: Int64(failure.code)), now, wall))
    }

    // MARK: How long the disk takes

    /// Lets other threads see since when this one waits for the disk.
    func beginCommit() -> Instant {
        let now = SystemClock.monotonic()
        status.publishCommitBegan(at: now)
        return now
    }

    /// Records a wait that was too long.
    mutating func endCommit(_ began: Instant, bytes: Int? = nil) {
        let now = SystemClock.monotonic()
        status.publishCommitEnded()
        let nanoseconds = now.nanoseconds(since: began)
        if let bytes { status.countCommit(nanoseconds: nanoseconds, bytes: bytes) }
        guard nanoseconds > AuditStatus.stallNanoseconds else { return }
        queue(
            .event(
                .disk(.stalled(milliseconds: nanoseconds / 1_000_000)), now, SystemClock.wall()))
    }
}
