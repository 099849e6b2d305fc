import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Segments: one is sealed, the next begins; one that was removed is written back.
extension LogWriter {
    /// Seals the segment and begins the next one.
    mutating func rotate(now: Instant, wall: WallTime) throws(AuditWriterError) {
        if tree.size > checkpointSize { try checkpoint(now: now, wall: wall) }
        try seal()
        try beginSegment(isClean: true, now: now)
        try beginEpoch(now: now, wall: wall)
    }

    /// Seals the segment, or goes on with it where that was left off.
    mutating func seal() throws(AuditWriterError) {
        let digest = segment.isSealed ? nil : try segment.contentDigest()
        do throws(SystemError) {
            if let digest {
                try segment.cut()
                try appendOnce(.seal, SegmentSeal(end: tree.size, digest: digest).json)
            }
            try segment.close()
        } catch {
            // A segment that refuses its seal is one that ended unsealed; the next head says so.
            throw .writeRefused(error)
        }
    }

    /// Goes on in another segment after one that refused a frame, or whose seal was its last.
    mutating func replaceSegment() throws(AuditWriterError) {
        let isClean = segment.isSealed
        if segment.size == 0 {
            // Not even its head: another one takes its name.
            do throws(SystemError) {
                try folder.segments.remove(segment.name)
            } catch {
                throw .writeRefused(error)
            }
        } else {
            try closeSegment()
        }
        try beginSegment(isClean: isClean, now: segment.since)
    }

    /// Cuts off what was refused. It may be whole all the same, and then it would have the number
    /// of the next segment's head: nothing else is written before this is durable.
    private mutating func closeSegment() throws(AuditWriterError) {
        do throws(SystemError) {
            try segment.close()
        } catch {
            // The file takes nothing any more, not even an end: another one takes its place.
            try segment.rewrite(in: folder.segments, library)
        }
    }

    mutating func beginSegment(isClean: Bool, now: Instant) throws(AuditWriterError) {
        let before = try segment.predecessor(isClean: isClean)
        retention.note(byteCount: segment.size)
        do throws(AuditWriterError) {
            let made = try folder.makeSegment(
                segment.nextNumber, reserve: shortage == nil ? settings.rotateBytes : 0,
                spares: spares)
            segment = try SegmentFile(
                made, number: segment.nextNumber, previous: segment.previous, before: before,
                now: now, library: library)
        } catch .system(let error) {
            throw .writeRefused(error)
        }
        try appendHead()
    }

    /// Writes the head of the segment that was begun.
    mutating func appendHead() throws(AuditWriterError) {
        var head = SegmentHead(
            origin: signer.key.name, verifierKey: signer.key.text,
            firstIndex: tree.size - UInt64(batch.count), boot: identity.boot,
            build: identity.build, settingsDigest: identity.settingsDigest,
            previousSegment: segment.before.digest, isClean: segment.before.isClean)
        head.recipients = identity.recipients.map(\.text)
        head.replaces = identity.replaces
        do throws(SystemError) {
            try appendOnce(.head, head.json)
        } catch {
            throw .writeRefused(error)
        }
        retention.begin(
            number: LogLayout.segmentNumber(segment.name) ?? 0, firstIndex: head.firstIndex)
    }

    /// Gives the segment its name back when it leads nowhere or elsewhere (format §7 row 8).
    mutating func restoreSegment(now: Instant, wall: WallTime) throws(AuditWriterError) {
        let loss: SegmentLoss?
        do throws(SystemError) {
            loss = try segment.loss(in: folder.segments)
            if loss != nil { try folder.revive() }
        } catch {
            throw .writeRefused(error)
        }
        guard let loss else { return }
        let found = try segment.restore(after: loss, in: folder.segments, library)
        queue(
            .event(
                .disk(
                    .segmentRestored(
                        segment: segment.name, found, bytes: segment.size,
                        digest: try segment.contentDigest())), now, wall))
    }
}
