import AuditRecords
import Primitives
import Testing

@testable import Worker

@Suite struct EventTagTests {
    @Test(
        arguments: [
            (EventTag.Kind.client, 0, 0), (.upstream, 9_999, .max), (.control, 0x3FFF_FFFF, 1),
            (.listener, 3, 7),
        ] as [(EventTag.Kind, Int, UInt32)])
    func `a tag says the same after its way through the kernel`(
        kind: EventTag.Kind, slot: Int, generation: UInt32
    ) {
        let tag = EventTag(kind, slot: slot, generation: generation)
        #expect(EventTag(rawValue: tag.rawValue) == tag)
    }
}

@Suite struct ReadyQueueTests {
    @Test func `slots come out in the order they went in, each once`() {
        var queue = ReadyQueue(capacity: 4)
        for slot in [2, 0, 2, 3] { queue.append(slot) }
        let count = queue.count
        #expect(count == 3)
        let taken = [queue.popFirst(), queue.popFirst()]
        #expect(taken == [2, 0])
        queue.append(2)
        let rest = [queue.popFirst(), queue.popFirst(), queue.popFirst()]
        #expect(rest == [3, 2, nil])
    }
}

@Suite struct PendingRecordsTests {
    @Test func `records wait in order and give their text back`() {
        var pool = BufferPool(capacity: 2, bufferBytes: 64)
        var pending = PendingRecords(capacity: 2)
        for (sequence, text) in [(1, "one"), (2, "two")] as [(UInt64, String)] {
            var facts = RecordFacts()
            facts.sequence = sequence
            var buffer = PooledBuffer.none
            let isLent = pool.lend(&buffer)
            #expect(isLent)
            let bytes = Array(text.utf8)
            buffer.write { $0.append(bytes.span) }
            pending.append(facts, text: buffer)
        }
        for (sequence, text) in [(1, "one"), (2, "two")] as [(UInt64, String)] {
            let facts = pending.firstFacts
            #expect(facts.sequence == sequence)
            let held = pending.firstText.text()
            #expect(held == text)
            pending.dropFirst(to: &pool)
        }
        let isEmpty = pending.isEmpty
        #expect(isEmpty)
        let borrowed = pool.borrowed
        #expect(borrowed == 0)
    }
}

@Suite struct TurnTests {
    @Test func `a turn ends after its reads`() {
        var turn = Turn()
        var reads = 0
        while turn.takesRead() { reads += 1 }
        #expect(reads == 32)
        #expect(turn.isOver)
    }
}

@Suite struct ConnectionSizeTests {
    @Test func `an idle connection takes less than a kibibyte of the worker's memory`() {
        #expect(MemoryLayout<ClientConnection>.stride <= 1024 - 64)
    }
}
