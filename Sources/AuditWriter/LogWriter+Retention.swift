import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// Retention: whole segments are deleted, after a signed leaf has said so (format §8).
extension LogWriter {
    /// Deletes a segment that is due, or looks whether the rules make one due.
    ///
    /// A turn deletes one file at most, so that no commit waits for more.
    mutating func retain(now: Instant, wall: WallTime) throws(AuditWriterError) {
        retention.note(byteCount: segment.size, wall: wall)
        if !retention.condemned.isEmpty {
            deleteNext(now: now)
            return
        }
        if let announced = retention.announced {
            // Deleted is what a signed leaf says, and nothing before.
            guard checkpointSize >= announced.size else { return }
            retention.announced = nil
            retention.adopt(announced.facts)
            return
        }
        guard retention.isDue, delay == nil else { return }
        retention.isDue = false
        let rules = settings.retention
        guard rules != RetentionSettings() else { return }
        let holds = try recordHolds(now: now, wall: wall)
        guard let facts = retention.proposal(rules, now: wall, held: holds?.firstHeld) else {
            return
        }
        try add(facts.members, .erasure, now: now, wall: wall)
        retention.announced = (facts, tree.size)
        try checkpointWhenPossible(now: now, wall: wall)
    }

    /// Reads the holds, and records them when they are not those that this boot has recorded.
    ///
    /// - Returns: The holds in force; nil where there never was one.
    @discardableResult
    mutating func recordHolds(
        now: Instant, wall: WallTime
    ) throws(AuditWriterError) -> LegalHolds? {
        let holds = readHolds()
        guard holds != recordedHolds else { return holds }
        try add((holds ?? LegalHolds()).members, .administration, now: now, wall: wall)
        recordedHolds = holds
        return holds
    }

    borrowing func readHolds() -> LegalHolds? {
        do {
            return try folder.root.read(LegalHolds.fileName).map { LegalHolds(file: $0) }
        } catch {
            return .everything
        }
    }

    /// Deletes the next condemned segment and what was torn off it; what fails is tried again.
    private mutating func deleteNext(now: Instant) {
        guard let next = retention.condemned.first, now >= retention.retryAt else { return }
        // A hold may have been set since the leaf was written.
        if let held = readHolds()?.firstHeld, held < next.end {
            retention.retryAt = now.advanced(nanoseconds: LogWriter.deletionRetryNanoseconds)
            return
        }
        let name = LogLayout.segmentName(next.number)
        do {
            for (file, _) in try folder.segments.names()
            where file.hasPrefix(name + LogLayout.tornEnding) {
                try folder.segments.remove(file)
            }
            try folder.segments.remove(name)
            try folder.segments.sync()
            retention.removeFirstCondemned()
        } catch {
            retention.retryAt = now.advanced(nanoseconds: LogWriter.deletionRetryNanoseconds)
        }
    }

    private static let deletionRetryNanoseconds: UInt64 = 60_000_000_000
}
