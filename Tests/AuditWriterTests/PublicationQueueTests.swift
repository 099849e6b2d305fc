import AuditRecords
import AuditSegments
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

@Suite struct PublicationQueueTests {
    private func event(_ index: Int) -> Publication {
        .event(PublishedEvent(word: "start", index: UInt64(index), core: []))
    }

    private func checkpoint(_ number: Int) -> Publication {
        .checkpoint(note: [UInt8(truncatingIfNeeded: number)])
    }

    @Test func `what was put is taken in order, once`() throws {
        let queue = try PublicationQueue()
        queue.put(checkpoint(1))
        queue.put(event(2))
        let taken = queue.take()
        #expect(taken.publications == [checkpoint(1), event(2)])
        #expect(taken.losses.isEmpty)
        #expect(queue.take().publications.isEmpty)
    }

    @Test func `the oldest checkpoints make room, then events are counted`() throws {
        let queue = try PublicationQueue()
        let capacity = PublicationQueue.capacity
        queue.put(event(0))
        for number in 0..<capacity { queue.put(checkpoint(number)) }
        let first = queue.take()
        #expect(first.publications == [event(0)] + (1..<capacity).map(checkpoint))
        #expect(first.losses.checkpoints == 1 && first.losses.events == 0)
        for number in 0..<capacity + 3 { queue.put(event(number)) }
        queue.put(checkpoint(1))
        let second = queue.take()
        #expect(second.publications == (0..<capacity).map(event))
        #expect(second.losses.checkpoints == 1 && second.losses.events == 3)
        #expect(queue.take().losses.isEmpty)
    }

    @Test func `something that waits wakes the other side, and so does a stop`() throws {
        let queue = try PublicationQueue()
        var poller = try Poller(batch: 1)
        try queue.signal.watch(with: poller)
        #expect(try poller.wait(milliseconds: 0) == 0)
        queue.put(event(1))
        #expect(try poller.wait(milliseconds: 0) == 1)
        queue.signal.drain()
        #expect(try poller.wait(milliseconds: 0) == 0)
        #expect(!queue.signal.isStopping)
        queue.signal.stop()
        #expect(queue.signal.isStopping)
        #expect(try poller.wait(milliseconds: 0) == 1)
    }

    @Test func `the writer says what is durable, as the log has it`() throws {
        let folder = try TestFolder()
        let queue = try PublicationQueue()
        var options = AuditLogOptions(names: RecordNames(), workerCount: 1, build: "test")
        options.outlets.journal = queue
        let log = try AuditLog.open(settings: folder.settings, options: options)
        log.control.record(.upstreamVerificationDisabled(upstream: "u"))
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        var notes: [UInt8] = []
        var events: [PublishedEvent] = []
        for publication in queue.take().publications {
            switch publication {
            case .checkpoint(let note):
                // Never before what it covers.
                let claim = try Checkpoint(text: try SignedNote(note).text)
                #expect(events.allSatisfy { $0.index < claim.size })
                notes += note
            case .event(let event): events.append(event)
            }
        }
        let cores = try folder.cores(.lifecycle)
        #expect(
            events.map { CanonicalObject($0.core).integer("ts") } == cores.map { $0.integer("ts") })
        #expect(events.map(\.word) == ["start", "upstream_verification_disabled", "stop"])
        // Between them is the leaf of the epoch's key.
        #expect(events.map(\.index) == [0, 2, 3])
        let source = DirectorySource(path: try folder.logFolder())
        let file = try #require(source.files(in: LogLayout.notes).first)
        #expect(source.read("\(LogLayout.notes)/\(file)") == notes)
    }
}
