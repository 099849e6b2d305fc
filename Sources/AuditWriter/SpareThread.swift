import AuditSegments
import LinuxIO
import Primitives

/// The thread that prepares files for the writer's: the next segment's, and the reserve.
///
/// What it can't do it leaves: a log without a spare makes its segments as they are needed, one
/// without a reserve has nothing to give up. After its log's folder was removed it does nothing
/// more; one that was moved is followed.
struct SpareThread: ~Copyable, Sendable {
    private let root: DurableDirectory
    private let room: SpareRoom

    /// Room that it leaves to everybody else.
    static let marginBytes: UInt64 = 8 << 20
    /// Pause between two steps, and after one that the disk refused.
    private static let pauseMilliseconds: Int32 = 5
    private static let refusedMilliseconds: Int32 = 1000

    /// Starts it; it ends when the room's signal says so, and leaves the reserve.
    static func start(
        in root: borrowing DurableDirectory, _ room: SpareRoom
    ) throws(SystemError) -> PinnedThread {
        let own = try root.folder(".")
        let thread = SpareThread(root: own, room: room)
        return try PinnedThread.start(name: "audit-spare", state: thread) { thread in
            PinnedThread.yieldToOthers()
            thread.run()
        }
    }

    private borrowing func run() {
        guard var poller = try? Poller(batch: 1) else { return }
        do { try room.signal.watch(with: poller) } catch { return }
        // What a process that was killed left there may be a segment, too: only its name goes.
        remove(LogLayout.spareSegment)
        keepReserve()
        while !room.signal.isStopping {
            let wait = step()
            guard (try? poller.wait(milliseconds: wait)) != nil else { return }
            room.signal.drain()
        }
        // Nothing of it is evidence: copies of a log that has ended need not have it.
        if let spare = room.takeBack() {
            remove(LogLayout.spareSegment)
            _ = consume spare
        }
    }

    /// Does what is due, and answers in how many milliseconds there is more; -1 when it is asked to.
    private borrowing func step() -> Int32 {
        var wait: Int32 = -1
        if room.reserveBytes > 0, room.reserveIdentity == nil,
            !room.isShort || room.takeRequest()
        {
            do { try makeReserve() } catch { wait = SpareThread.refusedMilliseconds }
        }
        guard !room.isShort else { return -1 }
        do throws(SystemError) {
            return try fillStep() ? SpareThread.pauseMilliseconds : wait
        } catch {
            return SpareThread.refusedMilliseconds
        }
    }

    private borrowing func remove(_ name: String) {
        guard let folder = try? root.folder(LogLayout.spare) else { return }
        try? folder.remove(name)
    }

    // MARK: The next segment's file

    /// Fills the spare a step further.
    ///
    /// - Returns: Whether there is more to fill.
    private borrowing func fillStep() throws(SystemError) -> Bool {
        let target = room.target
        guard target > 0 else { return false }
        var spare: SpareFile
        if let present = room.takeBack() {
            spare = present
        } else {
            try requireRoom(SpareFile.stepBytes)
            spare = try SpareFile(in: try root.folder(LogLayout.spare, create: true))
        }
        if spare.byteCount < target {
            do throws(SystemError) {
                try requireRoom(SpareFile.stepBytes)
                try spare.fill(upTo: target)
            } catch {
                // Part of it may be there; the room is needed elsewhere.
                remove(LogLayout.spareSegment)
                throw error
            }
        }
        let isMore = spare.byteCount < target
        room.put(spare)
        return isMore
    }

    /// Makes sure that the disk has so much, and some more for those who can't wait.
    private borrowing func requireRoom(_ byteCount: UInt64) throws(SystemError) {
        let free = try root.diskUse().freeBytes
        guard free >= byteCount + SpareThread.marginBytes else { throw .outOfRoom("fallocate") }
    }

    // MARK: The reserve

    /// Takes over the reserve that is there, or removes what is none.
    private borrowing func keepReserve() {
        guard let folder = try? root.folder(LogLayout.spare),
            let file = try? folder.openFile(LogLayout.spareRoom)
        else { return }
        // A copy may have the size and not the room.
        if let size = try? file.size(), let taken = try? file.allocatedBytes(),
            let identity = try? file.identity(),
            size == room.reserveBytes, taken >= size, size > 0
        {
            room.put(reserve: identity)
        } else {
            remove(LogLayout.spareRoom)
        }
    }

    private borrowing func makeReserve() throws(SystemError) {
        let folder = try root.folder(LogLayout.spare, create: true)
        try folder.remove(LogLayout.spareRoom)
        // Asked first: to try it on a disk that is nearly full would take the writer's room.
        try requireRoom(room.reserveBytes)
        let file = try folder.createFile(LogLayout.spareRoom)
        let identity: FileIdentity
        do throws(SystemError) {
            try file.allocate(room.reserveBytes)
            try file.sync()
            identity = try file.identity()
        } catch {
            remove(LogLayout.spareRoom)
            throw error
        }
        room.put(reserve: identity)
    }
}
