import AuditRecords
import AuditRings
import AuditSegments
import LinuxIO
import Primitives

/// The reserve: room that is given up when there is no other, so that what is under way gets its
/// records (docs/decisions/0022).
extension LogWriter {
    /// Gives the reserve up when the disk has no room.
    ///
    /// From then on the log says that it is full, and no longer how far it is durable: the gates
    /// close as they do without a reserve, while records are written.
    ///
    /// - Returns: Whether there is room now that was not there before.
    mutating func giveUpReserve(
        after refusal: SystemError, now: Instant, wall: WallTime
    ) -> Bool {
        guard refusal.isOutOfRoom, let identity = spares.reserveIdentity else { return false }
        // Whatever becomes of it, it is none any more.
        spares.beginShortage()
        var isFreed = false
        do throws(SystemError) {
            let place = try folder.root.folder(LogLayout.spare)
            if try place.identity(of: LogLayout.spareRoom) == identity {
                try place.remove(LogLayout.spareRoom)
                isFreed = true
                // Journals give blocks back once the removal is in them.
                try place.sync()
            }
        } catch {
            // Removed all the same, or somebody did it before; the next write finds out.
        }
        shortage = DiskOutage(refusal, now: now, wall: wall)
        let reason = AuditHealth.diskFull.word.description
        queue(
            .event(
                .disk(.degraded(.reserve, reason: reason, code: Int64(refusal.code))), now, wall))
        publishHealth(now: now)
        return isFreed
    }

    /// Has the reserve made again while it is missing; the log is open again once it is there.
    mutating func lookAtReserve(now: Instant, wall: WallTime) {
        guard let past = shortage else { return }
        guard spares.reserveIdentity != nil else {
            guard past.isDue(now) else { return }
            shortage?.refused(past.error, now: now)
            spares.requestReserve()
            return
        }
        shortage = nil
        spares.endShortage()
        queue(.event(.disk(.resumed(.reserve, milliseconds: past.milliseconds(now))), now, wall))
        publishHealth(now: now)
    }
}
