import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import LinuxIO
import Primitives
import Testing

@Suite struct AuditLogTests {
    @Test func `a log that is written and stopped holds, and goes on after a restart`() throws {
        let folder = try TestFolder()
        for boot in 1...3 {
            var log = try folder.open(workers: 2)
            let report = log.recovery
            #expect(report.isClean)
            #expect(report.events == [])
            let producers = (RingBox(log.makeRing()), RingBox(log.makeRing()))
            let writer = try log.start()
            producers.0.ring.record(1...300)
            producers.1.ring.record(1...UInt64(boot), worker: 1)
            let failure = writer.stop()
            #expect(failure == nil)
        }
        let report = try folder.verify()
        #expect(report.findings == [])
        #expect(report.boots == 3)
        #expect(report.kinds[3] == 906)
        // A start and a stop each.
        #expect(report.kinds[6] == 6)
        #expect(report.size == 915)
        // An epoch for each boot.
        #expect(report.epochs == 3)
        #expect(report.epochsFrom == 1)
    }

    @Test func `what is durable is told to the workers`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let status = log.status
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(1...5000)
        let failure = writer.stop()
        #expect(failure == nil)
        #expect(status.durableRecords(worker: 0) == 5000)
        #expect(status.durableSize == 5003)
        #expect(status.checkpointSize == 5003)
        #expect(status.durableUntil > .zero)
        #expect(!status.hasFailed)
    }

    @Test func `sequence numbers that nobody recorded become gap leaves at the stop`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let status = log.status
        let boot = log.boot
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(1...3)
        ring.ring.record(6...6)
        status.publishSequence(worker: 0, last: 8)
        let failure = writer.stop()
        #expect(failure == nil)
        let report = try folder.verify()
        #expect(report.holds)
        #expect(
            report.findings.map(\.problem) == [
                .gap(boot: boot, worker: 0, from: 4, through: 5),
                .gap(boot: boot, worker: 0, from: 7, through: 8),
            ])
    }

    @Test func `a worker's gap becomes a leaf with its range, reason and time`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        let boot = log.boot
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(1...3)
        let none: [UInt8] = []
        let gap = RecordFacts(
            lost: 4...900, reason: .ringFull, worker: 0, time: WallTime(microseconds: 77),
            instant: Instant(nanoseconds: 5000))
        let isPushed = ring.ring.push(gap, none.span)
        #expect(isPushed)
        ring.ring.record(901...902)
        let failure = writer.stop()
        #expect(failure == nil)
        let report = try folder.verify()
        #expect(report.holds)
        #expect(
            report.findings.map(\.problem) == [.gap(boot: boot, worker: 0, from: 4, through: 900)])
        #expect(report.kinds[3] == 5)
        #expect(report.gapNumbers == 897)
        let core = try #require(try folder.cores(.gap).first)
        #expect(core.integer("ts") == 77)
        #expect(core.object("gap")?.string("reason") == "ring_full")
    }

    @Test func `a second process, another key and a missing key are refused`() throws {
        let folder = try TestFolder()
        do {
            let log = try folder.open()
            #expect(throws: AuditWriterError.directoryInUse) { _ = try folder.open() }
            let writer = try log.start()
            let failure = writer.stop()
            #expect(failure == nil)
        }
        let directory = try DurableDirectory(path: folder.path)
        let other = try TestFolder()
        let key = try DurableDirectory(path: other.path).read("key.pem") ?? []
        try directory.replace("key.pem", key.span)
        #expect(throws: AuditWriterError.self) { _ = try folder.open() }
        try directory.remove("key.pem")
        #expect(throws: AuditWriterError.signingKeyMissing) { _ = try folder.open() }
    }

    @Test func `segments are sealed and followed by others when they are large`() throws {
        let folder = try TestFolder()
        var settings = folder.settings
        settings.rotateBytes = 20_000
        var log = try AuditLog.open(
            settings: settings,
            options: AuditLogOptions(names: RecordNames(), workerCount: 1, build: "test"))
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        let status = writer.status
        for round in 0..<4 {
            let first = UInt64(round * 400)
            ring.ring.record((first + 1)...(first + 400))
            writer.control.wake()
            while status.durableRecords(worker: 0) < first + 400 {}
        }
        let failure = writer.stop()
        #expect(failure == nil)
        let report = try folder.verify()
        #expect(report.findings == [])
        #expect(report.segments > 1)
        #expect(report.epochs == report.segments)
        #expect(report.kinds[3] == 1600)
    }
}

/// Holds a ring's half where a value that can't be copied may not stand.
final class RingBox {
    var ring: RingProducer

    init(_ ring: consuming RingProducer) {
        self.ring = ring
    }
}
