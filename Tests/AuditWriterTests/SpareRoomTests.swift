import AuditRecords
import AuditRings
import AuditSegments
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

/// What is prepared for the writer: the next segment's file, and the reserve.
@Suite struct SpareRoomTests {
    @Test func `the next segment's file is filled as this one grows, and taken`() throws {
        let running = try RunningLog(rotateBytes: 128 << 10)
        let spare = "\(try running.folder.logFolder())/spare/next"
        let first = try running.segment()
        var sequence: UInt64 = 0
        var inodes: [UInt64] = []
        // Each record takes some 60 bytes of a segment.
        while inodes.count < 3 {
            running.waitUntil { _ in size(spare) == 128 << 10 }
            #expect(try Data(contentsOf: URL(filePath: spare)).allSatisfy { $0 == 0 })
            let inode = try inode(spare)
            inodes.append(inode)
            while try !names(running).contains(where: { try self.inode($0) == inode }) {
                running.record(sequence + 1...sequence + 200)
                sequence += 200
            }
        }
        // Nobody has to know where the frames of the open one end.
        let open = try #require(try names(running).last)
        #expect(size(open) == 128 << 10)
        let durable = running.status.durableSize
        running.waitUntil { $0.checkpointSize >= durable }
        let live = try running.folder.verify()
        #expect(live.heaviest != .broken, "\(live.findings)")
        let killed = try TestFolder()
        try running.folder.copyLog(to: killed)
        #expect(size(first) ?? 0 > 128 << 10)
        try running.stop()
        #expect(!FileManager.default.fileExists(atPath: spare))
        let report = try running.folder.verify()
        #expect(report.findings == [])
        #expect(try running.sequences() == Array(1...Int64(sequence)))
        for name in try names(running) {
            #expect(try Data(contentsOf: URL(filePath: name)).suffix(200).contains { $0 != 0 })
        }
        let recovered = try killed.open().recovery
        #expect(!recovered.events.contains { if case .torn = $0 { true } else { false } })
        #expect(try killed.verify().heaviest != .broken)
    }

    @Test func `a file that is being filled is not to be had`() throws {
        let folder = try TestFolder()
        let log = try LogFolder(DurableDirectory(path: folder.path), path: folder.path)
        let room = try SpareRoom(segmentBytes: 3 << 20, reserveBytes: 0)
        let isEmpty = room.take() == nil
        #expect(isEmpty)
        room.noteSegment(byteCount: 1 << 20)
        #expect(room.target == 2 << 20)
        room.noteSegment(byteCount: 5 << 20)
        #expect(room.target == 3 << 20)
        let place = try log.root.folder(LogLayout.spare, create: true)
        var spare = try SpareFile(in: place)
        while spare.byteCount < room.target { try spare.fill(upTo: room.target) }
        #expect(try place.read("next") == [UInt8](repeating: 0, count: 3 << 20))
        room.put(spare)
        #expect(room.byteCount == 3 << 20)
        let taken = room.takeBack() != nil
        let isTaken = room.take() == nil
        #expect(taken && isTaken)
    }

    @Test func `a segment is written into the spare when its name leads to it`() throws {
        let folder = try TestFolder()
        let log = try LogFolder(DurableDirectory(path: folder.path), path: folder.path)
        let room = try SpareRoom(segmentBytes: 1 << 20, reserveBytes: 0)
        let place = try log.root.folder(LogLayout.spare, create: true)
        for isReplaced in [false, true] {
            room.put(try SpareFile(in: place))
            let inode = try inode("\(folder.path)/spare/next")
            if isReplaced { try place.replace("next", [1].span) }
            let number: UInt64 = isReplaced ? 2 : 1
            let made = try log.makeSegment(number, reserve: 0, spares: room)
            #expect(try made.size() == 0)
            let path = "\(folder.path)/segments/\(LogLayout.segmentName(number))"
            if !isReplaced { #expect(try self.inode(path) == inode) }
            #expect(try (place.identity(of: "next") == nil) == !isReplaced)
        }
    }

    @Test func `what a killed process left is no spare, and the reserve is kept`() throws {
        let running = try RunningLog(reserveBytes: 2 << 20)
        let reserve = "\(try running.folder.logFolder())/spare/reserve"
        running.waitUntil { _ in size(reserve) == 2 << 20 }
        try running.stop()
        let kept = try inode(reserve)
        let left = "\(try running.folder.logFolder())/spare/next"
        // A rename of which only the new name is durable leaves both.
        let segment = try running.segment()
        try FileManager.default.linkItem(atPath: segment, toPath: left)
        let bytes = try Data(contentsOf: URL(filePath: segment))
        try running.folder.restart()
        #expect(!FileManager.default.fileExists(atPath: left))
        #expect(try Data(contentsOf: URL(filePath: segment)) == bytes)
        #expect(try inode(reserve) == kept)
        // One of another size, or without its room, is made again or goes.
        try FileHandle(forWritingTo: URL(filePath: reserve)).truncate(atOffset: 4 << 20)
        running.folder.settings.diskReserveBytes = 4 << 20
        try restart(running.folder) { size(reserve) == 4 << 20 && taken(reserve) >= 4 << 20 }
        running.folder.settings.diskReserveBytes = 0
        try restart(running.folder) { size(reserve) == nil }
        #expect(try running.folder.verify().findings == [])
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `the reserve is given up for what is under way, and made again`() throws {
        let disk = try SmallDisk(bytes: 24 << 20)
        let running = try RunningLog(on: disk.path, rotateBytes: 64 << 10, reserveBytes: 4 << 20)
        let reserve = "\(try running.folder.logFolder())/spare/reserve"
        running.record(1...5)
        running.waitUntil { _ in size(reserve) == 4 << 20 }
        let filler = "\(disk.path)/filler"
        disk.fill(filler)
        // More than the spare takes: segments are small.
        var sequence: UInt64 = 5
        while running.status.health == .healthy {
            running.record(sequence + 1...sequence + 500)
            sequence += 500
        }
        #expect(running.status.health == .diskFull)
        #expect(size(reserve) == nil)
        let until = running.status.durableUntil
        // Records and checkpoints go on; new requests see that they had better not.
        running.record(sequence + 1...sequence + 500)
        sequence += 500
        running.waitUntil { $0.checkpointSize >= sequence }
        #expect(running.status.health == .diskFull)
        #expect(running.status.durableUntil == until)
        #expect(try running.folder.events().contains("log_degraded"))
        try FileManager.default.removeItem(atPath: filler)
        running.waitUntil { $0.health == .healthy && $0.durableUntil > until }
        #expect(size(reserve) == 4 << 20)
        try running.stop()
        let report = try running.folder.verify()
        #expect(report.holds, "\(report.findings)")
        #expect(try running.sequences() == Array(1...Int64(sequence)))
        let events = try running.folder.events()
        #expect(events.filter { $0 == "log_resumed" }.count >= 1)
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `the reserve counts as free, and is not made where it would leave no room`() throws {
        let disk = try SmallDisk(bytes: 24 << 20)
        let running = try RunningLog(on: disk.path, reserveBytes: 12 << 20)
        let reserve = "\(try running.folder.logFolder())/spare/reserve"
        running.waitUntil { _ in size(reserve) == 12 << 20 }
        running.record(1...5)
        running.waitUntil { $0.diskUsedPercent > 0 }
        #expect(running.status.diskUsedPercent < 30)
        #expect(!running.status.isDiskLow)
        try running.stop()
        running.folder.settings.diskReserveBytes = 20 << 20
        try running.folder.restart()
        #expect(size(reserve) == nil)
    }

    private func restart(_ folder: TestFolder, until condition: () -> Bool) throws {
        let writer = try folder.open().start()
        for _ in 0..<1000 where !condition() { Thread.sleep(forTimeInterval: 0.01) }
        #expect(condition())
        let failure = writer.stop()
        #expect(failure == nil)
    }

    private func names(_ running: RunningLog) throws -> [String] {
        let folder = try running.segments()
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .map { "\(folder)/\($0)" }
    }

    private func inode(_ path: String) throws -> UInt64 {
        let found = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber]
        return try #require(found as? NSNumber).uint64Value
    }

    private func size(_ path: String) -> UInt64? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.uint64Value
    }

    private func taken(_ path: String) -> UInt64 {
        (try? DurableDirectory(path: "/").openFile(String(path.dropFirst())).allocatedBytes()) ?? 0
    }
}
