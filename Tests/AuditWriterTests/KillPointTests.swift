import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Foundation
import LinuxIO
import Primitives
import Testing

/// States that a kill, or a disk without room, leaves between two steps of the writer.
@Suite struct KillPointTests {
    @Test func `a first segment without its head keeps nobody from starting`() throws {
        let folder = try TestFolder()
        let log = "\(folder.settings.directory)/00000000000000aa"
        try write([], to: "\(log)/segments/\(LogLayout.segmentName(0))")
        let opened = try folder.open()
        #expect(opened.logID == 0xAA)
        #expect(opened.recovery.size == 0)
        try stop(opened)
        #expect(try folder.verify().findings == [])
    }

    @Test func `a first segment that is torn again and again keeps nobody from starting`() throws {
        let folder = try TestFolder()
        let segments = "\(folder.settings.directory)/00000000000000aa/segments"
        let name = LogLayout.segmentName(0)
        // A recovery put the torn head aside and was killed before, or after, it took it away;
        // then another start was killed within its head.
        try write(Array("ALF1".utf8), to: "\(segments)/\(name).torn")
        try write(Array("ALF1 and no more".utf8), to: "\(segments)/\(name)")
        let opened = try folder.open()
        #expect(opened.logID == 0xAA)
        try stop(opened)
        #expect(try folder.verify().holds)
        let files = try DurableDirectory(path: segments).names().map(\.name)
        #expect(files == [name, "\(name).torn", "\(name).torn2"])
    }

    @Test func `a torn note is cut off wherever the zeros of its append begin`() throws {
        let folder = try TestFolder()
        try stop(try folder.open())
        let notes = "\(try folder.logFolder())/notes"
        let name = try #require(try DurableDirectory(path: notes).names().first?.name)
        let whole = [UInt8](try Data(contentsOf: URL(filePath: "\(notes)/\(name)")))
        let last = try #require(NoteFile.notes(in: whole).last)
        for count in 1..<last.count {
            let copy = try TestFolder()
            try folder.copyLog(to: copy)
            let torn = last.prefix(count) + [UInt8](repeating: 0, count: last.count - count)
            let path = "\(try copy.logFolder())/notes/\(name)"
            try write(Array(whole.dropLast(last.count) + torn), to: path)
            try stop(try copy.open())
            #expect(try copy.verify().holds, "\(count)")
        }
    }

    @Test func `a damaged frame before whole ones is refused, and nothing is touched`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let ring = RingBox(log.makeRing())
        let status = log.status
        let writer = try log.start()
        for round in UInt64(0)..<3 {
            ring.ring.record(round * 2 + 1...round * 2 + 2)
            writer.control.wake()
            while status.durableRecords(worker: 0) < round * 2 + 2 {}
        }
        let failure = writer.stop()
        #expect(failure == nil)
        let name = LogLayout.segmentName(0)
        let path = "\(try folder.logFolder())/segments/\(name)"
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var offset = 0
        while offset < whole.count {
            let header = try FrameHeader(whole.span.extracting(droppingFirst: offset))
            let end = offset + header.frameCount
            var damaged = whole
            damaged[offset + 70] ^= 1
            try write(damaged, to: path)
            if end < whole.count {
                let logID = try #require(
                    try DurableDirectory(path: folder.settings.directory)
                        .names().first?.name)
                let error: AuditWriterError =
                    offset == 0
                    ? .logUnreadable(logID)
                    : .segmentDamaged(
                        segment: name, offset: offset, error: .frame(.checksum))
                #expect(throws: error) { _ = try folder.open() }
                #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == damaged)
            }
            offset = end
        }
    }

    @Test func `a later segment without its head keeps nobody from starting`() throws {
        let folder = try TestFolder()
        _ = try folder.open()
        // A head, a batch and a checkpoint are there: the next frame is number 3.
        let segments = "\(try folder.logFolder())/segments"
        try write([], to: "\(segments)/\(LogLayout.segmentName(3))")
        #expect(try folder.verify().heaviest == .unfinished)
        let opened = try folder.open()
        #expect(!opened.recovery.isClean)
        try stop(opened)
        let report = try folder.verify()
        #expect(report.holds)
        #expect(report.boots == 2)
    }

    @Test func `a torn tail whose leaf was lost with the recovery is recorded by the next`() throws
    {
        let folder = try TestFolder()
        _ = try folder.open()
        let segments = "\(try folder.logFolder())/segments"
        let tail = Array("ALF1 and not the rest".utf8)
        try write(tail, to: "\(segments)/\(LogLayout.segmentName(0)).torn")
        #expect(try folder.verify().findings.contains { $0.problem == .tornFileUnknown })
        let opened = try folder.open()
        let events = opened.recovery.events
        let isTold = events.contains { event in
            if case .torn(LogLayout.segmentName(0), UInt64(tail.count), _) = event { return true }
            return false
        }
        #expect(isTold, "\(events)")
        try stop(opened)
        #expect(try folder.verify().holds)
        let again = try folder.open()
        #expect(again.recovery.events == [])
        try stop(again)
    }

    @Test func `a log that stopped and was not sealed has lost nothing`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(1...3)
        let failure = writer.stop()
        #expect(failure == nil)
        let path = "\(try folder.logFolder())/segments/\(LogLayout.segmentName(0))"
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var offset = 0
        while offset < bytes.count {
            let header = try FrameHeader(bytes.span.extracting(droppingFirst: offset))
            if header.type == .seal { break }
            offset += header.frameCount
        }
        try write(Array(bytes[..<offset]), to: path)
        let opened = try folder.open()
        #expect(!opened.recovery.isClean)
        #expect(opened.recovery.gaps == [])
        try stop(opened)
        #expect(try folder.verify().holds)
    }

    @Test func `notes stay in order when the clock is set back over midnight`() throws {
        let folder = try TestFolder()
        try stop(try folder.open())
        let notes = "\(try folder.logFolder())/notes"
        let name = try #require(try DurableDirectory(path: notes).names().first?.name)
        try DurableDirectory(path: notes).rename(name, to: "99991231.notes")
        try stop(try folder.open())
        #expect(try DurableDirectory(path: notes).names().map(\.name) == ["99991231.notes"])
        #expect(try folder.verify().findings == [])
        try stop(try folder.open())
    }

    private func stop(_ log: consuming OpenedLog) throws {
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let url = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }
}
