import AuditRecords
import AuditRings
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

@Suite struct WriterControlTests {
    @Test func `events are recorded in order, with the time at which they were said`() throws {
        let folder = try TestFolder()
        let log = try folder.open()
        let control = log.control
        let before = SystemClock.wall()
        control.record(.upstreamVerificationDisabled(upstream: "first"))
        control.record(.upstreamVerificationDisabled(upstream: "second"))
        let after = SystemClock.wall()
        let writer = try log.start()
        writer.control.record(.certificatesRefused(.listener("third"), file: "f", why: "w"))
        let failure = writer.stop()
        #expect(failure == nil)
        let events = try folder.cores(.lifecycle)
        #expect(
            events.map { $0.string("upstream") ?? $0.string("listener") ?? $0.string("event") }
                == ["start", "first", "second", "third", "stop"])
        let times = events.map { $0.integer("ts") ?? 0 }
        #expect(times[1] >= before.microseconds && times[2] <= after.microseconds)
        #expect(try folder.verify().findings == [])
    }

    @Test func `events past the most that may wait are counted`() throws {
        let folder = try TestFolder()
        let log = try folder.open()
        for number in 0..<70 {
            log.control.record(.upstreamVerificationDisabled(upstream: "\(number)"))
        }
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        let events = try folder.cores(.lifecycle)
        #expect(events.count == EventQueue.capacity + 3)
        #expect(events[EventQueue.capacity].string("upstream") == "63")
        #expect(events[EventQueue.capacity + 1].string("event") == "events_dropped")
        #expect(events[EventQueue.capacity + 1].integer("count") == 6)
    }

    @Test func `a worker that waits is told once its records are durable`() throws {
        let folder = try TestFolder()
        var log = try folder.open()
        var ring = log.makeRing()
        let wakeup = try Wakeup()
        log.wakeWorker(0) { wakeup.signal() }
        let (status, control) = (log.status, log.control)
        let writer = try log.start()
        var poller = try Poller(batch: 1)
        try poller.addSource(wakeup.descriptor, tag: 0)
        for count in 1...3 as ClosedRange<UInt64> {
            status.publishAwaited(worker: 0, records: count)
            ring.record(count...count)
            control.requestCommit()
            let events = try poller.wait(milliseconds: 10_000)
            #expect(events == 1)
            wakeup.drain()
            #expect(status.durableRecords(worker: 0) >= count)
        }
        let failure = writer.stop()
        #expect(failure == nil)
    }

    @Test func `workers that ask in one turn share a signal`() throws {
        let control = try WriterControl()
        func isSignalled() throws -> Bool {
            var poller = try Poller(batch: 1)
            try control.watch(with: poller)
            return try poller.wait(milliseconds: 0) == 1
        }
        control.requestCommit()
        #expect(try isSignalled())
        control.drain()
        control.requestCommit()
        #expect(try !isSignalled())
        control.beginTurn()
        control.requestCommit()
        #expect(try isSignalled())
    }

    @Test func `a queue that was taken has room again`() {
        var queue = EventQueue()
        for _ in 0...EventQueue.capacity { queue.append(.eventsDropped(count: 0)) }
        #expect(queue.takeAll().count == EventQueue.capacity + 1)
        queue.append(.eventsDropped(count: 9))
        #expect(queue.takeAll().map(\.event) == [.eventsDropped(count: 9)])
        #expect(queue.takeAll().isEmpty)
    }

    @Test func `the largest events fit, many at a time`() throws {
        let folder = try TestFolder()
        let log = try folder.open()
        let names = [String](repeating: String(repeating: "\u{7}", count: 250), count: 10)
        let certificates = [RecordedCertificate](
            repeating: RecordedCertificate(sha256: .zero, names: names, notAfterSeconds: 0),
            count: 300)
        for _ in 0..<EventQueue.capacity {
            log.control.record(.certificatesLoaded(.listener("l"), certificates))
        }
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        let report = try folder.verify()
        #expect(report.findings == [])
        #expect(report.kinds[6] == UInt64(EventQueue.capacity) + 2)
    }
}
