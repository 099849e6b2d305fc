import AuditRecords
import AuditSegments
import Crypto
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
        #expect(taken == [checkpoint(1), event(2)])
        #expect(queue.takeLosses().isEmpty)
        #expect(queue.take().isEmpty)
    }

    @Test func `the oldest checkpoints make room, then events are counted`() throws {
        let queue = try PublicationQueue()
        let capacity = PublicationQueue.capacity
        queue.put(event(0))
        for number in 0..<capacity { queue.put(checkpoint(number)) }
        let first = queue.take()
        #expect(first == [event(0)] + (1..<capacity).map(checkpoint))
        let lost = queue.takeLosses()
        #expect(lost.checkpoints == 1 && lost.events == 0)
        for number in 0..<capacity + 3 { queue.put(event(number)) }
        queue.put(checkpoint(1))
        let second = queue.take()
        #expect(second == (0..<capacity).map(event))
        let more = queue.takeLosses()
        #expect(more.checkpoints == 1 && more.events == 3)
        #expect(queue.takeLosses().isEmpty)
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
        for publication in queue.take() {
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
        #expect(queue.takeRecords().isEmpty)
        let source = DirectorySource(path: try folder.logFolder())
        let file = try #require(source.files(in: LogLayout.notes).first)
        #expect(source.read("\(LogLayout.notes)/\(file)") == notes)
    }

    private func record(_ index: Int, byteCount: Int = 1) -> PublishedRecord {
        PublishedRecord(
            kind: .combined, index: UInt64(index), outcome: .deny,
            text: [UInt8](repeating: 1, count: byteCount),
            parts: RecordParts(core: .empty, subject: .empty, detail: .empty))
    }

    @Test func `records have room of their own, and those that find none are counted`() throws {
        let queue = try PublicationQueue()
        let capacity = PublicationQueue.recordCapacity
        queue.put((0..<capacity + 2).map { record($0) })
        for number in 0..<PublicationQueue.capacity { queue.put(event(number)) }
        queue.put([record(1)])
        #expect(queue.recordRoom == 0)
        #expect(queue.take().count == PublicationQueue.capacity)
        #expect(queue.takeRecords() == (0..<capacity).map { record($0) })
        var losses = PublicationLosses()
        losses.records = 3
        #expect(queue.takeLosses() == losses && !losses.isEmpty)
        queue.put((0..<5).map { record($0, byteCount: PublicationQueue.recordBytes / 2) })
        #expect(queue.recordRoom == 0)
        #expect(queue.takeLosses().records == 3)
        #expect(queue.takeRecords().count == 2)
        #expect(queue.recordRoom == capacity)
    }

    @Test(arguments: JournalRecords.allCases)
    func `the writer says those records that were asked for, as the log has them`(
        which: JournalRecords
    ) throws {
        let folder = try TestFolder()
        folder.settings.recipients = [try AgeIdentity.generate().identity.recipient.text]
        let queue = try PublicationQueue()
        var options = AuditLogOptions(names: RecordNames(), workerCount: 1, build: "test")
        options.outlets.journal = queue
        options.outlets.journalRecords = which
        var log = try AuditLog.open(settings: folder.settings, options: options)
        var ring = log.makeRing()
        for (number, outcome) in [Outcome.allow, .deny, .error, .throttle].enumerated() {
            var facts = RecordFacts()
            facts.sequence = UInt64(number + 1)
            facts.outcome = outcome
            let none: [UInt8] = []
            let isPushed = ring.push(facts, none.span)
            #expect(isPushed)
        }
        ring.publish()
        let failure = try log.start().stop()
        #expect(failure == nil)
        let told = queue.takeRecords()
        let sequences: [Int64] =
            switch which {
            case .none: []
            case .denied: [2, 4]
            case .all: [1, 2, 3, 4]
            }
        #expect(told.map { CanonicalObject($0.part(0)).integer("seq") } == sequences)
        for record in told {
            let core = CanonicalObject(record.part(0))
            #expect(core.string("outcome") == record.outcome.word.description)
            #expect(record.part(1) == Array("{}".utf8) && record.part(2) == Array("{}".utf8))
            // The start and the epoch's key are before them.
            #expect(Int64(record.index) == (core.integer("seq") ?? 0) + 1)
        }
    }
}
