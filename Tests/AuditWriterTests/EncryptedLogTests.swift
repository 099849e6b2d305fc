import AuditRecords
import AuditSegments
import AuditWriter
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

/// A log whose records are encrypted to somebody else (format §3, docs/decisions/0012).
@Suite struct EncryptedLogTests {
    @Test func `an encrypted log holds with and without the identity`() throws {
        let folder = try encrypted()
        try record(folder, [1...600])
        let closed = try folder.verify()
        #expect(closed.holds)
        #expect(closed.unopened > 0)
        #expect(closed.epochs == 1)
        #expect(closed.findings.map(\.problem) == [.unopened(batches: closed.unopened)])
        let open = try folder.verify(identities: folder.identities)
        #expect(open.findings == [])
        #expect(open.unopened == 0)
        #expect(open.root == closed.root)
        let stranger = try AgeIdentity.generate().identity
        #expect(try folder.verify(identities: [stranger]).unopened == closed.unopened)
    }

    @Test func `each head names the recipients, and no record shows`() throws {
        let folder = try encrypted()
        try record(folder, [1...10])
        let segments = "\(try folder.logFolder())/segments"
        for name in try DurableDirectory(path: segments).names().map(\.name) {
            let bytes = try #require(FileManager.default.contents(atPath: "\(segments)/\(name)"))
            let text = String(decoding: bytes, as: UTF8.self)
            for recipient in folder.settings.recipients { #expect(text.contains(recipient)) }
            #expect(bytes.range(of: Data([0x28, 0xB5, 0x2F, 0xFD])) == nil)
        }
        #expect(try folder.cores(.combined).count == 10)
    }

    @Test func `a clean log is known as such without the key`() throws {
        let folder = try encrypted()
        try record(folder, [1...5])
        let log = try folder.open()
        #expect(log.recovery.isClean)
        #expect(log.recovery.gaps == [] && log.recovery.events == [])
    }

    @Test func `after a crash the same gaps are recorded as without encryption`() throws {
        let folder = try killed(try encrypted())
        let plain = try killed(try TestFolder())
        let log = try folder.open()
        let reference = try plain.open().recovery
        #expect(!log.recovery.isClean)
        #expect(log.recovery.gaps.map(\.first) == [4, 8])
        #expect(log.recovery.gaps.map(\.last) == [5, nil])
        #expect(log.recovery.gaps.map(\.first) == reference.gaps.map(\.first))
        #expect(log.recovery.gaps.map(\.last) == reference.gaps.map(\.last))
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        // A second start has nothing left to say.
        let again = try folder.open().recovery
        #expect(again.isClean && again.gaps == [] && again.events == [])
        for identities in [[], folder.identities] {
            let report = try folder.verify(identities: identities)
            #expect(report.heaviest != .broken, "\(report.findings)")
            #expect(report.gapNumbers == 2)
        }
    }

    @Test func `a crash of the recovered process leaves its own gaps only`() throws {
        let folder = try killed(try encrypted())
        let first = try folder.open().boot
        let gaps = try folder.open().recovery.gaps
        #expect(gaps.map(\.boot) == [first])
        #expect(gaps.map(\.first) == [1] && gaps.map(\.last) == [nil])
    }

    @Test func `a log changes from clear to encrypted and back`() throws {
        let folder = try encrypted()
        let recipients = folder.settings.recipients
        folder.settings.recipients = []
        try record(folder, [1...3])
        folder.settings.recipients = recipients
        try record(folder, [1...4])
        folder.settings.recipients = []
        try record(folder, [1...2])
        #expect(try folder.verify(identities: folder.identities).findings == [])
        #expect(try folder.verify().holds)
        #expect(try folder.cores(.combined).count == 9)
    }

    @Test func `every byte of an encrypted log counts, without the key as with it`() throws {
        let folder = try encrypted()
        try record(folder, [1...2])
        let segments = "\(try folder.logFolder())/segments"
        let name = try #require(try DurableDirectory(path: segments).names().first?.name)
        let file = URL(filePath: "\(segments)/\(name)")
        let whole = try Data(contentsOf: file)
        // EVERY_BIT=1 flips each bit, which takes a minute.
        let isWhole = ProcessInfo.processInfo.environment["EVERY_BIT"] != nil
        for bit in stride(from: 0, to: whole.count * 8, by: isWhole ? 1 : 331) {
            var changed = whole
            changed[changed.startIndex + bit / 8] ^= 1 << UInt8(bit % 8)
            try changed.write(to: file)
            #expect(try !folder.verify().holds, "bit \(bit)")
        }
        try whole.write(to: file)
        #expect(try folder.verify().holds)
    }

    private func encrypted() throws -> TestFolder {
        let folder = try TestFolder()
        folder.identities = [try AgeIdentity.generate().identity]
        let other = try AgeIdentity.generate().identity
        folder.settings.recipients = (folder.identities + [other]).map(\.recipient.text)
        return folder
    }

    /// Runs a process that records these and stops.
    private func record(_ folder: TestFolder, _ sequences: [ClosedRange<UInt64>]) throws {
        var log = try folder.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        for range in sequences { ring.ring.record(range) }
        let failure = writer.stop()
        #expect(failure == nil)
    }

    /// What a process leaves that is killed after sequences 1–3 and 6–7 in three batches.
    private func killed(_ source: TestFolder) throws -> TestFolder {
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
        while status.checkpointSize < 7 {}
        let killed = try TestFolder()
        try source.copyLog(to: killed)
        _ = writer.stop()
        killed.settings.recipients = source.settings.recipients
        killed.identities = source.identities
        return killed
    }
}
