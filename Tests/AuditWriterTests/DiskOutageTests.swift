import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

@Suite struct DiskOutageTests {
    @Test func `the disk is asked again after 100 ms, then half as often, then each second`() {
        let full = SystemError("pwrite", ENOSPC)
        var now = Instant(nanoseconds: 7)
        var outage = DiskOutage(full, now: now, wall: WallTime(microseconds: 1))
        var waits: [UInt64] = []
        for _ in 0..<6 {
            #expect(!outage.isDue(now))
            waits.append(outage.nextTry.nanoseconds(since: now) / 1_000_000)
            now = outage.nextTry
            #expect(outage.isDue(now))
            outage.refused(full, now: now)
        }
        #expect(waits == [100, 200, 400, 800, 1000, 1000])
        #expect(outage.milliseconds(now) == 3500)
        #expect(outage.began == Instant(nanoseconds: 7))
    }

    @Test(arguments: [
        (ENOSPC, AuditHealth.diskFull), (EDQUOT, .diskFull), (EFBIG, .diskFull),
        (EROFS, .readOnly), (EACCES, .readOnly), (ENOENT, .fileMissing), (ESTALE, .fileMissing),
        (EIO, .writeFailed), (ENOMEM, .writeFailed),
    ])
    func `each refusal has its name`(code: Int32, health: AuditHealth) {
        var outage = DiskOutage(
            SystemError("open", EIO), now: .zero, wall: WallTime(microseconds: 0))
        outage.refused(SystemError("pwrite", code), now: .zero)
        #expect(outage.health == health)
        #expect(outage.error.code == code)
    }

    @Test(arguments: ["segments", "notes", "tlog", ""])
    func `a folder that is removed is made again, and nothing is lost`(folder: String) throws {
        let running = try RunningLog()
        running.record(1...5)
        // What is being made in a folder would keep it from being removed.
        let spare = "\(try running.folder.logFolder())/spare/next"
        running.waitUntil { _ in
            (try? Data(contentsOf: URL(filePath: spare)))?.count == 1 << 20
        }
        let path = "\(try running.folder.logFolder())/\(folder)"
        try FileManager.default.removeItem(atPath: path)
        running.record(6...9)
        running.waitUntil { $0.checkpointSize >= 10 && $0.health == .healthy }
        try running.stop()
        // Tiles, and notes of checkpoints in frames, are made again by the next start.
        try running.folder.restart()
        #expect(try running.folder.verify().holds)
        #expect(try running.sequences().sorted() == Array(1...9))
    }

    @Test func `a segment that is removed while it is written is written back`() throws {
        try afterChange("removed") { try FileManager.default.removeItem(atPath: $0) }
    }

    @Test func `a segment that is renamed gets its name back`() throws {
        try afterChange("renamed") { path in
            try FileManager.default.moveItem(atPath: path, toPath: path + ".aside")
        }
    }

    @Test func `a file in the segment's place is replaced by it`() throws {
        try afterChange("replaced") { path in
            try FileManager.default.removeItem(atPath: path)
            try Data("not evidence".utf8).write(to: URL(filePath: path))
        }
    }

    @Test func `a quiet log's segment is looked for as well`() throws {
        let running = try RunningLog(heartbeat: 3600)
        running.record(1...5)
        running.waitUntil { $0.checkpointSize >= 6 }
        try FileManager.default.removeItem(atPath: try running.segment())
        // Nothing is recorded any more: only the look at the name can find it out.
        let path = try running.segment()
        running.waitUntil { _ in FileManager.default.fileExists(atPath: path) }
        try running.stop()
        #expect(try running.folder.verify().findings == [])
    }

    @Test func `a removed segment whose bytes were changed ends the log`() throws {
        let running = try RunningLog()
        running.record(1...5)
        let file = try DurableDirectory(path: try running.segments()).openFile(
            LogLayout.segmentName(0))
        try file.write([0].span, at: 100)
        try FileManager.default.removeItem(atPath: try running.segment())
        running.ring.ring.record(6...6)
        running.control.wake()
        running.waitUntil { $0.hasFailed }
        let failure = running.end()
        #expect(failure == .segmentDiffers(LogLayout.segmentName(0)))
    }

    @Test func `an empty file with the next segment's name is in nobody's way`() throws {
        let folder = try TestFolder()
        let log = try LogFolder(DurableDirectory(path: folder.path), path: folder.path)
        let spares = try SpareRoom(segmentBytes: 1 << 20, reserveBytes: 0)
        let name = LogLayout.segmentName(7)
        func begin() throws { _ = try log.makeSegment(7, reserve: 4096, spares: spares) }
        _ = try log.segments.createFile(name)
        try begin()
        try log.segments.openFile(name).write([0, 0, 0].span, at: 0)
        try begin()
        try log.segments.openFile(name).write([1].span, at: 0)
        #expect(throws: AuditWriterError.system(SystemError("openat", EEXIST))) { try begin() }
        #expect(try log.segments.read(name) == [1])
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a full disk stops the log, and an emptied one lets it go on`() throws {
        let disk = try SmallDisk(bytes: 6 << 20)
        let running = try RunningLog(on: disk.path, rotateBytes: 64 << 10)
        running.record(1...5)
        let filler = "\(disk.path)/filler"
        disk.fill(filler)
        running.ring.ring.record(6...2000)
        running.control.wake()
        running.waitUntil { $0.health == .diskFull }
        #expect(running.status.durableRecords(worker: 0) < 2000)
        try FileManager.default.removeItem(atPath: filler)
        running.waitUntil { $0.health == .healthy && $0.durableRecords(worker: 0) == 2000 }
        try running.stop()
        let report = try running.folder.verify()
        #expect(report.holds, "\(report.findings)")
        let events = try running.folder.events()
        #expect(events.contains("log_degraded") && events.contains("log_resumed"))
        #expect(try running.folder.cores(.combined).count == 2000)
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a log on a full disk ends after a while, and the next start finds what was durable`()
        throws
    {
        let disk = try SmallDisk(bytes: 6 << 20)
        let running = try RunningLog(on: disk.path, rotateBytes: 64 << 10)
        running.record(1...5)
        let filler = "\(disk.path)/filler"
        disk.fill(filler)
        running.ring.ring.record(6...3000)
        running.control.wake()
        running.waitUntil { $0.health == .diskFull }
        let failure = running.end()
        guard case .writeRefused(let error)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(error.code == ENOSPC)
        try FileManager.default.removeItem(atPath: filler)
        try running.folder.restart()
        #expect(try running.folder.verify().holds)
        #expect(try running.folder.cores(.combined).count >= 5)
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a disk that fills is recorded once, and again after it was emptier`() throws {
        let disk = try SmallDisk(bytes: 16 << 20)
        let running = try RunningLog(on: disk.path, rotateBytes: 64 << 10)
        running.record(1...5)
        let filler = "\(disk.path)/filler"
        for _ in 0..<2 {
            running.waitUntil { !$0.isDiskLow && $0.diskUsedPercent > 0 }
            try Data(repeating: 0, count: 13 << 20).write(to: URL(filePath: filler))
            running.waitUntil { $0.isDiskLow }
            #expect(running.status.diskUsedPercent >= 75)
            #expect(running.status.health == .healthy)
            try FileManager.default.removeItem(atPath: filler)
        }
        running.waitUntil { !$0.isDiskLow }
        try running.stop()
        #expect(try running.folder.events().filter { $0 == "disk_low" }.count == 2)
    }

    /// A log whose open segment `change` does something to, between records.
    private func afterChange(_ was: String, _ change: (String) throws -> Void) throws {
        let running = try RunningLog()
        running.record(1...5)
        try change(try running.segment())
        running.record(6...9)
        #expect(running.status.health == .healthy)
        try running.stop()
        #expect(try running.folder.verify().findings == [])
        let restored = try running.folder.cores(.lifecycle).filter {
            $0.string("event") == "segment_restored"
        }
        #expect(restored.map { $0.string("was") } == [was])
        #expect(try running.sequences() == Array(1...9))
    }
}

/// A log with its writer running, and one ring to push into.
final class RunningLog {
    let folder: TestFolder
    let ring: RingBox
    let status: AuditStatus
    let control: WriterControl
    private var writer: WriterBox?

    init(
        on parent: String? = nil, heartbeat: UInt32 = 60, rotateBytes: UInt64 = 1 << 20,
        reserveBytes: UInt64 = 0
    ) throws {
        folder = try TestFolder(in: parent)
        folder.settings.heartbeatSeconds = heartbeat
        folder.settings.rotateBytes = rotateBytes
        folder.settings.diskReserveBytes = reserveBytes
        var log = try folder.open()
        ring = RingBox(log.makeRing())
        status = log.status
        control = log.control
        writer = WriterBox(try log.start())
    }

    /// Records these, and waits until they are durable.
    func record(_ sequences: ClosedRange<UInt64>) {
        ring.ring.record(sequences)
        control.wake()
        waitUntil { $0.durableRecords(worker: 0) >= sequences.upperBound }
    }

    /// Waits for what the writer has to do by itself.
    func waitUntil(_ condition: (AuditStatus) -> Bool) {
        let end = SystemClock.monotonic().advanced(nanoseconds: 60_000_000_000)
        while !condition(status) {
            guard SystemClock.monotonic() < end else {
                Issue.record("it did not come: \(status.health)")
                return
            }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }

    func segments() throws -> String { "\(try folder.logFolder())/segments" }

    func segment() throws -> String { "\(try segments())/\(LogLayout.segmentName(0))" }

    func sequences() throws -> [Int64] {
        try folder.cores(.combined).compactMap { $0.integer("seq") }
    }

    func stop() throws {
        #expect(end() == nil)
    }

    func end() -> AuditWriterError? {
        let box = writer
        writer = nil
        return box?.end()
    }
}

/// Holds the running writer where a value that can't be copied may not stand.
final class WriterBox {
    private var writer: RunningWriter?

    init(_ writer: consuming RunningWriter) {
        self.writer = consume writer
    }

    func end() -> AuditWriterError? {
        guard let running = writer.take() else { return nil }
        return running.stop()
    }
}

/// A file system of its own, in memory, for as long as the value lives. Only root can make one.
final class SmallDisk {
    let path: String

    static let isPossible: Bool = {
        guard let disk = try? SmallDisk(bytes: 1 << 20) else { return false }
        return disk.isMounted
    }()

    private let isMounted: Bool

    init(bytes: Int) throws {
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "sallyport-disk-\(UInt64.random(in: 0...UInt64.max))").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        isMounted = SmallDisk.run("mount", ["-t", "tmpfs", "-o", "size=\(bytes)", "none", path])
    }

    deinit {
        if isMounted { _ = SmallDisk.run("umount", [path]) }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Leaves no room.
    func fill(_ file: String) {
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        guard let handle = FileHandle(forWritingAtPath: file) else { return }
        for count in [65536, 4096, 512] {
            let bytes = Data(repeating: 0, count: count)
            while (try? handle.write(contentsOf: bytes)) != nil {}
        }
        try? handle.close()
    }

    private static func run(_ command: String, _ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
