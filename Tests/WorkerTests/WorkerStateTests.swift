import AuditRecords
import AuditRings
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

@Suite struct CommitQueueTests {
    @Test func `slots leave in the order of their records, or before`() {
        var queue = CommitQueue(capacity: 4)
        for (slot, record) in [(2, 7), (0, 7), (3, 9), (1, 12)] as [(Int, UInt64)] {
            queue.append(slot, record: record)
        }
        let last = queue.lastRecord
        #expect(last == 12)
        queue.remove(0)
        queue.remove(0)
        queue.remove(1)
        let left = [queue.first, Int(queue.record(of: queue.first)), Int(queue.lastRecord)]
        #expect(left == [2, 7, 9])
        queue.remove(2)
        queue.append(2, record: 9)
        queue.remove(3)
        let rest = [queue.first, Int(queue.record(of: 2)), Int(queue.record(of: 3)), queue.count]
        #expect(rest == [2, 9, 0, 1])
        queue.remove(2)
        let isEmpty = queue.isEmpty && queue.first == -1 && queue.lastRecord == 0
        #expect(isEmpty)
    }
}

@Suite struct LostNumbersTests {
    private func runs(_ numbers: [(UInt64, GapReason)], capacity: Int = 8) -> (
        runs: [String], refused: Int
    ) {
        var lost = LostNumbers(capacity: capacity)
        var refused = 0
        for (number, reason) in numbers where !lost.insert(number, reason) { refused += 1 }
        var runs: [String] = []
        while let run = lost.last {
            runs.append("\(run.first)-\(run.last) \(run.reason.word)")
            lost.removeLast()
        }
        return (runs, refused)
    }

    @Test func `neighbours of one reason become one run, in any order`() {
        let orders: [[UInt64]] = [[4, 5, 6, 7], [7, 6, 5, 4], [4, 6, 7, 5], [5, 7, 4, 6]]
        for order in orders {
            let found = runs(order.map { ($0, .ringFull) })
            #expect(found.runs == ["4-7 ring_full"], "\(order)")
        }
    }

    @Test func `numbers between, and other reasons, keep runs apart`() {
        let found = runs([(1, .ringFull), (2, .writeFailed), (3, .ringFull), (9, .ringFull)])
        #expect(
            found.runs == ["9-9 ring_full", "3-3 ring_full", "2-2 write_failed", "1-1 ring_full"])
    }

    @Test func `a loss has the reason that the log's health names`() {
        for health in AuditHealth.allCases {
            let reason = GapReason(health)
            let isNamed = reason.word.description == health.word.description
            let isOther = [.healthy, .signerUnavailable, .failed].contains(health)
            #expect(isNamed != isOther, "\(health)")
        }
        #expect(GapReason(.signerUnavailable) == .ringFull)
        #expect(GapReason(.failed) == .writeFailed)
    }

    @Test func `without room no number is claimed that is not lost`() {
        let found = runs(
            [1, 3, 5, 7, 6, 8, 2].map { ($0, .ringFull) } as [(UInt64, GapReason)], capacity: 3)
        // 7 finds no room, nor does 8 beside it; 6 and 2 join what is held.
        #expect(found.runs == ["5-6 ring_full", "1-3 ring_full"])
        #expect(found.refused == 2)
    }

    @Test func `a random order gives what was put in`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var lost = LostNumbers(capacity: 1000)
        var inside: Set<UInt64> = []
        for _ in 0..<600 {
            let number = random(900) + 1
            guard inside.insert(number).inserted else { continue }
            let isHeld = lost.insert(number, number % 97 == 0 ? .dropped : .ringFull)
            #expect(isHeld, "seed \(seed)")
        }
        var found: Set<UInt64> = []
        while let run = lost.last {
            for number in run.first...run.last {
                #expect((number % 97 == 0) == (run.reason == .dropped), "seed \(seed)")
                found.insert(number)
            }
            lost.removeLast()
        }
        #expect(found == inside, "seed \(seed)")
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
