import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Foundation
import LinuxIO
import Primitives
import Testing

/// What opening a log does after the process was killed (format §7).
@Suite struct RecoveryTests {
    /// With nothing behind the cut, and with the zeros of a file that was filled with them before.
    @Test(arguments: [0, 5000])
    func `a log killed at any byte of its last segment goes on, or is refused`(
        zeros: Int
    ) throws {
        let original = try killedLog(checkpointMilliseconds: 60_000)
        let segment = try lastSegment(original)
        let whole = try #require(FileManager.default.contents(atPath: segment.path))
        let copy = try TestFolder()
        var continued = 0
        // Every start syncs a dozen files. A prime step meets every field at some byte of it.
        let isThorough = ProcessInfo.processInfo.environment["EVERY_BYTE"] != nil
        for length in stride(from: 0, through: whole.count, by: isThorough ? 1 : 17) {
            try original.copyLog(to: copy)
            let path = "\(try copy.logFolder())/segments/\(segment.name)"
            let bytes = whole.prefix(length) + Data(repeating: 0, count: zeros)
            try bytes.write(to: URL(filePath: path))
            do {
                // What opening makes durable is enough: a head, leaves, a checkpoint.
                let events = try copy.open().recovery.events
                if case .rolledBack(_, _, let seen, let source) = events.first {
                    // Cut before the published checkpoint: another log stands for it.
                    #expect(seen == 2 && source == "checkpoint" && continued == 0)
                    continue
                }
            } catch AuditWriterError.checkpointUnknown(_), AuditWriterError.logUnreadable(_) {
                #expect(continued == 0)
                continue
            }
            continued += 1
            guard continued % 8 == 1 else { continue }
            let report = try copy.verify()
            #expect(report.heaviest != .broken, "cut at \(length): \(report.findings)")
            #expect(report.checkpointSize == report.size)
        }
        #expect(continued > 50)
    }

    @Test func `a torn tail is kept, recorded and cut off`() throws {
        let folder = try killedLog()
        let segment = try lastSegment(folder)
        let handle = try #require(FileHandle(forWritingAtPath: segment.path))
        try handle.seekToEnd()
        let torn = Data("ALF1 and not the rest".utf8)
        try handle.write(contentsOf: torn)
        try handle.close()
        let log = try folder.open()
        let report = log.recovery
        #expect(!report.isClean)
        #expect(report.events.count == 2)
        guard case .torn(segment.name, UInt64(torn.count), _)? = report.events.first else {
            Issue.record("\(report.events)")
            return
        }
        #expect(report.gaps.map(\.first) == [4, 8])
        #expect(report.gaps.map(\.last) == [5, nil])
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        let kept = FileManager.default.contents(atPath: segment.path + ".torn")
        #expect(kept == torn)
        let verified = try folder.verify()
        #expect(verified.holds)
        #expect(verified.findings.contains { $0.problem == .tornFile })
    }

    @Test func `zeros behind the last frame are cut off, and nothing is said of them`() throws {
        let folder = try killedLog()
        let segment = try lastSegment(folder)
        let whole = try #require(FileManager.default.contents(atPath: segment.path))
        try (whole + Data(repeating: 0, count: 100_001)).write(to: URL(filePath: segment.path))
        #expect(try folder.verify().heaviest == .unfinished)
        let report = try folder.open().recovery
        #expect(report.events.count == 1)
        #expect(report.gaps.map(\.first) == [4, 8])
        #expect(FileManager.default.contents(atPath: segment.path) == whole)
        #expect(try folder.verify().heaviest != .broken)
    }

    @Test func `what is torn ends at its last byte that is not zero`() throws {
        let folder = try killedLog()
        let segment = try lastSegment(folder)
        let whole = try #require(FileManager.default.contents(atPath: segment.path))
        let torn = Data(repeating: 0, count: 70) + Data("ALF1 and not the rest".utf8)
        let bytes = whole + torn + Data(repeating: 0, count: 4096)
        try bytes.write(to: URL(filePath: segment.path))
        let report = try folder.open().recovery
        guard case .torn(segment.name, UInt64(torn.count), _)? = report.events.first else {
            Issue.record("\(report.events)")
            return
        }
        #expect(FileManager.default.contents(atPath: segment.path + ".torn") == torn)
        #expect(FileManager.default.contents(atPath: segment.path) == whole)
        #expect(try folder.verify().heaviest != .broken)
    }

    @Test func `a last segment of nothing but zeros is an empty one`() throws {
        let folder = try killedLog()
        let last = try #require(LogLayout.segmentNumber(try lastSegment(folder).name))
        let path = try lastSegment(folder).path
        let next = path.replacingOccurrences(
            of: LogLayout.segmentName(last), with: LogLayout.segmentName(last + 500))
        try Data(repeating: 0, count: 70_000).write(to: URL(filePath: next))
        let report = try folder.open().recovery
        #expect(!report.isClean && report.gaps.map(\.first) == [4, 8])
        #expect(!FileManager.default.fileExists(atPath: next))
        #expect(try folder.verify().heaviest != .broken)
    }

    @Test func `zeros in a segment that another follows are damage`() throws {
        let folder = try killedLog()
        let segment = try lastSegment(folder)
        try folder.restart()
        let whole = try #require(FileManager.default.contents(atPath: segment.path))
        try (whole + Data(repeating: 0, count: 8)).write(to: URL(filePath: segment.path))
        #expect(try folder.verify().findings.contains { $0.problem == .frame(.frame(.magic)) })
        #expect(
            throws: AuditWriterError.segmentDamaged(
                segment: segment.name, offset: whole.count, error: .frame(.magic))
        ) { _ = try folder.open() }
    }

    @Test func `a second start after a crash has nothing left to account for`() throws {
        let folder = try killedLog()
        try restart(folder)
        let log = try folder.open()
        let report = log.recovery
        #expect(report.isClean)
        #expect(report.gaps == [])
        #expect(report.events == [])
    }

    @Test func `a crash of the recovered process leaves its own gaps only`() throws {
        let folder = try killedLog()
        let first = try folder.open().boot
        let log = try folder.open()
        let gaps = log.recovery.gaps
        #expect(gaps.map(\.boot) == [first])
        #expect(gaps.map(\.first) == [1])
        #expect(gaps.map(\.last) == [nil])
    }

    @Test func `a rolled back log, and a forged checkpoint, are refused`() throws {
        let folder = try killedLog()
        let segment = try lastSegment(folder)
        let whole = try #require(FileManager.default.contents(atPath: segment.path))
        try whole.prefix(whole.count - 16).write(to: URL(filePath: segment.path))
        #expect(throws: AuditWriterError.checkpointUnknown(file: "tlog/checkpoint")) {
            _ = try folder.open()
        }
        let old = try folder.logFolder()
        try whole.prefix(whole.count / 2).write(to: URL(filePath: segment.path))
        // How many batches the records came in, and so how many are in that half, is chance.
        let log = try folder.open()
        guard case .rolledBack(_, 0..<7, 7, "checkpoint") = log.recovery.events.first else {
            Issue.record("\(log.recovery.events)")
            return
        }
        #expect(folder.logFolder(log.logID) != old)
        let other = try killedLog()
        let checkpoint = "\(try other.logFolder())/tlog/checkpoint"
        try Data("forged\n".utf8).write(to: URL(filePath: checkpoint))
        #expect(throws: AuditWriterError.checkpointUnknown(file: "tlog/checkpoint")) {
            _ = try other.open()
        }
    }

    @Test func `tiles that disagree are written again and reported`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(1...600)
        let failure = writer.stop()
        #expect(failure == nil)
        let tiles = "\(try folder.logFolder())/tlog/tile"
        try Data([1]).write(to: URL(filePath: "\(tiles)/0/000"))
        try FileManager.default.removeItem(atPath: "\(tiles)/entries/001")
        #expect(try folder.verify().heaviest == .broken)
        let again = try folder.open()
        #expect(again.recovery.events == [.tilesRewritten(count: 1)])
        let second = try again.start()
        let secondFailure = second.stop()
        #expect(secondFailure == nil)
        #expect(try folder.verify().findings == [])
    }

    /// A log of one boot with sequences 1–3 and 6–7 in three batches, then killed.
    private func killedLog(checkpointMilliseconds: UInt32 = 50) throws -> TestFolder {
        let source = try TestFolder()
        source.settings.checkpointMilliseconds = checkpointMilliseconds
        var log = try source.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        let status = writer.status
        for (numbers, durable) in [(1...2, 2), (3...3, 3), (6...7, 5)]
            as [(ClosedRange<UInt64>, UInt64)]
        {
            ring.ring.record(numbers)
            writer.control.wake()
            while status.durableRecords(worker: 0) < durable {}
        }
        if checkpointMilliseconds < 1000 {
            while status.checkpointSize < 7 {}
        }
        // The disk as it is now is what a killed process leaves.
        let killed = try TestFolder()
        try source.copyLog(to: killed)
        _ = writer.stop()
        return killed
    }

    private func restart(_ folder: TestFolder) throws {
        let writer = try folder.open().start()
        let failure = writer.stop()
        #expect(failure == nil)
    }

    private func lastSegment(_ folder: TestFolder) throws -> (path: String, name: String) {
        let segments = "\(try folder.logFolder())/segments"
        let name = try #require(try DurableDirectory(path: segments).names().last?.name)
        return ("\(segments)/\(name)", name)
    }
}
