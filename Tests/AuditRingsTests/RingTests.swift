import AuditRecords
import AuditRings
import Primitives
import Testing

@Suite struct RingTests {
    @Test func `nothing shows before it is published`() {
        var producer = RingProducer(capacityBytes: 4096)
        var consumer = producer.makeConsumer()
        #expect(push(&producer, [1, 2, 3]))
        let early = consumer.refresh()
        #expect(!early)
        producer.publish()
        let late = consumer.refresh()
        #expect(late)
        #expect(take(&consumer) == [1, 2, 3])
        #expect(take(&consumer) == nil)
    }

    @Test func `a full ring takes nothing, until it is released`() {
        var producer = RingProducer(capacityBytes: 4096)
        var consumer = producer.makeConsumer()
        let record = [UInt8](repeating: 7, count: 1000)
        var count = 0
        while push(&producer, record) { count += 1 }
        #expect(count == 4)
        let pushed = producer.pushedCount
        #expect(pushed == 4)
        producer.publish()
        _ = consumer.refresh()
        #expect(take(&consumer) == record)
        #expect(!push(&producer, record))
        consumer.release()
        #expect(push(&producer, record))
        #expect(!push(&producer, record))
    }

    @Test func `records of every length come out whole across the end of the memory`() {
        var producer = RingProducer(capacityBytes: 4096)
        var consumer = producer.makeConsumer()
        let longest = producer.maximumRecordBytes
        for length in 0...longest {
            let record = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ length) }
            #expect(push(&producer, record))
            producer.publish()
            _ = consumer.refresh()
            #expect(take(&consumer) == record)
            consumer.release()
        }
        let taken = consumer.takenCount
        #expect(taken == UInt64(longest + 1))
    }

    @Test func `facts come back as they were pushed`() {
        var producer = RingProducer(capacityBytes: 4096)
        var consumer = producer.makeConsumer()
        var facts = RecordFacts()
        facts.sequence = 77
        facts.status = 418
        let done = producer.push(facts, [9, 8].span)
        #expect(done)
        producer.publish()
        _ = consumer.refresh()
        guard let record = consumer.next() else {
            Issue.record("no record")
            return
        }
        let back = unsafe RingConsumer.facts(of: record, as: RecordFacts.self)
        #expect(back.sequence == 77)
        #expect(back.status == 418)
        let size = record.count
        #expect(size == MemoryLayout<RecordFacts>.size + 2)
    }

    @Test func `what one thread pushes another takes, in order and unchanged`() async {
        var set = RingSet(capacity: 1)
        let producer = set.addRing(capacityBytes: 1 << 14)
        let total: UInt64 = 300_000
        let producers = Handover(producer)
        let sets = Handover(set)
        let pushing = Task.detached { RingTests.pushAll(total, producers.take()) }
        let result = await Task.detached { RingTests.takeAll(total, sets.take()) }.value
        await pushing.value
        #expect(result == total)
    }

    private static func pushAll(_ total: UInt64, _ ring: consuming RingProducer) {
        var producer = ring
        let noise = [UInt8](repeating: 0xA5, count: 300)
        for number in 0..<total {
            let size = Int(number % 293)
            while !producer.push(number, noise.span.extracting(first: size)) {
                producer.publish()
            }
            if number % 7 == 0 { producer.publish() }
        }
        producer.publish()
    }

    private static func takeAll(_ total: UInt64, _ rings: consuming RingSet) -> UInt64 {
        var set = rings
        var expected: UInt64 = 0
        while expected < total {
            guard set[0].refresh() else { continue }
            while let record = set[0].next() {
                let number = unsafe RingConsumer.facts(of: record, as: UInt64.self)
                guard number == expected, record.count == 8 + Int(number % 293) else {
                    return number
                }
                for offset in 8..<record.count where record[offset] != 0xA5 { return number }
                expected += 1
            }
            set[0].release()
        }
        return expected
    }

    private func push(_ producer: inout RingProducer, _ bytes: [UInt8]) -> Bool {
        let half = bytes.count / 2
        return producer.push(
            bytes.span.extracting(first: half), bytes.span.extracting(droppingFirst: half))
    }

    private func take(_ consumer: inout RingConsumer) -> [UInt8]? {
        guard let record = consumer.next() else { return nil }
        return (0..<record.count).map { record[$0] }
    }
}

/// Carries a value that can't be copied into the one task that takes it.
private final class Handover<Value: ~Copyable & Sendable>: @unchecked Sendable {
    private var value: Value?

    init(_ value: consuming Value) {
        self.value = consume value
    }

    func take() -> Value {
        guard let taken = value.take() else { preconditionFailure("taken twice") }
        return taken
    }
}

@Suite struct AuditStatusTests {
    @Test func `what the writer says each reader sees`() {
        let status = AuditStatus(workerCount: 3)
        #expect(status.durableUntil == .zero)
        #expect(!status.hasFailed)
        status.publishDurable(worker: 2, records: 40)
        status.publishDurable(until: Instant(nanoseconds: 9))
        status.publishDurable(size: 41)
        status.publishCheckpoint(size: 40)
        #expect(status.durableRecords(worker: 2) == 40)
        #expect(status.durableRecords(worker: 1) == 0)
        #expect(status.durableUntil == Instant(nanoseconds: 9))
        #expect(status.durableSize == 41)
        #expect(status.checkpointSize == 40)
        status.publishFailure()
        #expect(status.hasFailed)
    }

    @Test(arguments: AuditHealth.allCases)
    func `health changes with what the writer says, until it has failed`(health: AuditHealth) {
        let status = AuditStatus(workerCount: 1)
        #expect(status.health == .healthy)
        status.publish(health: health)
        #expect(status.health == health)
        #expect(status.hasFailed == (health == .failed))
        status.publish(health: .healthy)
        #expect(status.health == (health == .failed ? .failed : .healthy))
        status.publishFailure()
        status.publish(health: .healthy)
        #expect(status.health == .failed)
    }

    @Test func `a sync that does not return is a stall to whoever looks at the clock`() {
        let status = AuditStatus(workerCount: 1)
        let began = Instant(nanoseconds: 5)
        let late = began.advanced(nanoseconds: AuditStatus.stallNanoseconds + 1)
        #expect(status.health(at: late) == .healthy)
        status.publishCommitBegan(at: began)
        #expect(status.health(at: .zero) == .healthy)
        #expect(
            status.health(at: began.advanced(nanoseconds: AuditStatus.stallNanoseconds)) == .healthy
        )
        #expect(status.health(at: late) == .stalled)
        #expect(status.health == .healthy)
        status.publish(health: .signerUnavailable)
        #expect(status.health(at: late) == .stalled)
        status.publish(health: .diskFull)
        #expect(status.health(at: late) == .diskFull)
        status.publish(health: .healthy)
        status.publishCommitEnded()
        #expect(status.health(at: late) == .healthy)
    }

    @Test func `each state of health has a word of its own`() {
        let words = Set(AuditHealth.allCases.map(\.word.description))
        #expect(words.count == AuditHealth.allCases.count)
        #expect(AuditHealth.allCases.filter(\.isRecording) == [.healthy, .signerUnavailable])
    }

    @Test func `a worker is to be woken when what it waits for became durable`() {
        let status = AuditStatus(workerCount: 2)
        #expect(!status.publishDurable(worker: 1, records: 3))
        status.publishAwaited(worker: 1, records: 5)
        #expect(!status.publishDurable(worker: 0, records: 9))
        // Some of what it waits for may be among the first four.
        #expect(status.publishDurable(worker: 1, records: 4))
        #expect(status.publishDurable(worker: 1, records: 5))
        #expect(!status.publishDurable(worker: 1, records: 6))
        #expect(status.durableRecords(worker: 1) == 6)
    }
}
