import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Segments: one is sealed, the next begins.
extension LogWriter {
    /// Seals the segment and begins the next one.
    mutating func rotate(now: Instant, wall: WallTime) throws(AuditWriterError) {
        if tree.size > checkpointSize { try checkpoint(now: now, wall: wall) }
        try seal(wall: wall)
        try beginSegment(isClean: true, now: now)
        try beginEpoch(now: now, wall: wall)
    }

    mutating func seal(wall: WallTime) throws(AuditWriterError) {
        let seal = SegmentSeal(end: tree.size, digest: try segment.contentDigest())
        do {
            // A segment that refuses its seal is one that ended unsealed; the next head says so.
            try appendOnce(.seal, seal.json)
            try segment.close()
        } catch {
            throw .writeRefused(error)
        }
    }

    mutating func beginSegment(isClean: Bool, now: Instant) throws(AuditWriterError) {
        let digest = try segment.contentDigest()
        let next = try SegmentFile(
            in: folder.segments, number: segment.nextNumber, previous: segment.previous,
            reserve: settings.rotateBytes, now: now, library: library)
        segment = next
        try appendHead(previousSegment: digest, isClean: isClean)
    }

    /// Writes the head of the segment that was begun.
    mutating func appendHead(
        previousSegment: Digest256, isClean: Bool
    ) throws(AuditWriterError) {
        var head = SegmentHead(
            origin: signer.key.name, verifierKey: signer.key.text,
            firstIndex: tree.size - UInt64(batch.count), boot: identity.boot,
            build: identity.build, settingsDigest: identity.settingsDigest,
            previousSegment: previousSegment, isClean: isClean)
        head.recipients = identity.recipients.map(\.text)
        do {
            try appendOnce(.head, head.json)
        } catch {
            throw .writeRefused(error)
        }
    }
}
