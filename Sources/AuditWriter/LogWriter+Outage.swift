import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// What the disk refuses is a state that passes, not an end: docs/decisions/0013.
///
/// While it lasts the batch is kept, no ring is drained and nothing is said to be durable, so that
/// the workers' bound closes the gate. Every try is made with a file of its own first, so that the
/// log does not fill up with segments that hold nothing but their heads.
extension LogWriter {
    /// One turn, when the disk takes records.
    ///
    /// - Returns: Records drained.
    /// - Throws: What makes an end of the log: evidence that would contradict itself.
    mutating func work(now: Instant, wall: WallTime) throws(AuditWriterError) -> Int {
        do throws(AuditWriterError) {
            guard try isTaking(now: now, wall: wall) else { return 0 }
            return try turn(now: now, wall: wall)
        } catch {
            try wait(out: error, now: now, wall: wall)
            return 0
        }
    }

    /// Ends the log in order: what is missing, the stop leaf, a checkpoint, the seal.
    ///
    /// - Returns: Whether it is done; when not, the disk has to be waited for.
    mutating func finish(now: Instant, wall: WallTime) throws(AuditWriterError) -> Bool {
        do throws(AuditWriterError) {
            isEnding = true
            guard try isTaking(now: now, wall: wall) else { return false }
            if !isStopQueued {
                while try turn(now: now, wall: wall) > 0 {}
                queueStop(now: now, wall: wall)
            }
            try addLeaves()
            try checkpoint(now: now, wall: wall)
            try seal()
            // Nobody listens there from now on; readers leave their word in a file, and copies of
            // the log have no socket in them.
            try? folder.root.remove(LogLayout.accessSocket)
            return true
        } catch {
            try wait(out: error, now: now, wall: wall)
            return false
        }
    }

    /// Does what another thread asks for, when the disk takes records.
    ///
    /// - Returns: `late` when it doesn't: what was asked for may still be done.
    mutating func answer(
        _ request: WriterRequest, now: Instant, wall: WallTime
    ) throws(AuditWriterError) -> WriterAnswer {
        guard outage == nil else { return .refused(.late) }
        do throws(AuditWriterError) {
            return try perform(request, now: now, wall: wall)
        } catch {
            try wait(out: error, now: now, wall: wall)
            return .refused(.late)
        }
    }

    /// Makes a state of what the disk refused, and throws everything else.
    private mutating func wait(
        out error: AuditWriterError, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        switch error {
        case .writeRefused(let refusal):
            let isSpared = giveUpReserve(after: refusal, now: now, wall: wall)
            outage = DiskOutage(refusal, now: now, wall: wall, isSpared: isSpared)
        case .checkpointRefused(let refusal): delayCheckpoint(refusal, now: now, wall: wall)
        default: throw error
        }
        publishHealth(now: now)
    }

    /// Whether the disk takes records; asks it again when that is due.
    private mutating func isTaking(
        now: Instant, wall: WallTime
    ) throws(AuditWriterError) -> Bool {
        guard let past = outage else { return true }
        guard past.isDue(now) else { return false }
        do throws(AuditWriterError) {
            try askDisk()
            try restoreSegment(now: now, wall: wall)
            if segment.isSpent || (segment.isSealed && !isEnding) { try replaceSegment() }
            try writeBatch()
        } catch .writeRefused(let refusal) {
            outage?.refused(refusal, now: now)
            _ = giveUpReserve(after: refusal, now: now, wall: wall)
            publishHealth(now: now)
            return false
        }
        outage = nil
        // What the reserve ended is told of with it.
        if !past.isSpared { tell(past, of: .records, now: now, wall: wall) }
        publishHealth(now: now)
        return true
    }

    /// Has the disk take as much as waits for it, and more, in a file that is removed again.
    private mutating func askDisk() throws(AuditWriterError) {
        do throws(SystemError) {
            try folder.revive()
            try folder.probe(byteCount: batch.byteCount + LogWriter.probeBytes)
        } catch {
            throw .writeRefused(error)
        }
    }

    /// Records an outage that is over.
    private mutating func tell(
        _ past: DiskOutage, of work: LogWork, now: Instant, wall: WallTime
    ) {
        let reason = past.health.word.description
        queue(
            .event(
                .disk(.degraded(work, reason: reason, code: Int64(past.error.code))),
                past.began, past.time))
        queue(.event(.disk(.resumed(work, milliseconds: past.milliseconds(now))), now, wall))
    }

    // MARK: How full the disk is

    /// Says how full the file system is, and records once that it is too full.
    mutating func lookAtDisk(now: Instant, wall: WallTime) {
        // A file system that can't say how full it is takes records all the same.
        guard let use = try? folder.segments.diskUse().without(spares.byteCount) else { return }
        let wasLow = status.isDiskLow
        // A little below the limit it is low still, so that one file more or less is no news.
        let limit = settings.diskWarnPercent - (wasLow ? LogWriter.diskSlackPercent : 0)
        let isLow = use.percent >= limit
        status.publishDisk(usedPercent: use.percent, isLow: isLow)
        guard isLow, !wasLow else { return }
        queue(.event(.disk(.low(usedPercent: use.percent, freeBytes: use.freeBytes)), now, wall))
    }

    // MARK: Checkpoints

    /// Signs and publishes; what the disk refuses of it is tried again, and records go on.
    mutating func checkpointWhenPossible(
        now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        if let delay, !delay.isDue(now) { return }
        do throws(AuditWriterError) {
            try checkpoint(now: now, wall: wall)
        } catch .checkpointRefused(let refusal) {
            delayCheckpoint(refusal, now: now, wall: wall)
        }
        publishHealth(now: now)
    }

    private mutating func delayCheckpoint(_ refusal: SystemError, now: Instant, wall: WallTime) {
        _ = giveUpReserve(after: refusal, now: now, wall: wall)
        if delay == nil {
            delay = DiskOutage(refusal, now: now, wall: wall)
        } else {
            delay?.refused(refusal, now: now)
        }
    }

    /// Records that checkpoints are made again.
    mutating func endDelay(now: Instant, wall: WallTime) {
        guard let past = delay else { return }
        delay = nil
        tell(past, of: .checkpoints, now: now, wall: wall)
        publishHealth(now: now)
    }

    /// Whether so many entries wait for their tiles, in memory, that no more may come.
    var isTreeFull: Bool { delay != nil && tree.size - storedSize >= LogWriter.unstoredEntries }

    /// Says how the log is doing.
    mutating func publishHealth(now: Instant) {
        let isDelayed =
            delay.map { now.nanoseconds(since: $0.began) >= LogWriter.delayNanoseconds } ?? false
        status.publish(
            health: outage?.health ?? shortage?.health
                ?? (isDelayed || isTreeFull ? .signerUnavailable : .healthy))
    }
}
