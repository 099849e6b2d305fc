import Primitives
import Testing

@Suite struct SlabTests {
    @Test func `a reused slot has another generation`() {
        var slab = Slab<Int>(capacity: 2)
        let first = slab.insert(7)
        #expect(first == 0)
        let generation = slab.generation(of: 0)
        slab[0] += 1
        let value1 = slab[0]
        #expect(value1 == 8)
        slab.remove(0)
        let value2 = slab.holds(0, generation: generation)
        #expect(!value2)
        let value3 = slab.insert(9)
        #expect(value3 == 0)
        let value4 = slab.generation(of: 0)
        #expect(value4 != generation)
        let value5 = slab.inUse
        #expect(value5 == 1)
    }

    @Test func `a full slab takes nothing more`() {
        var slab = Slab<Int>(capacity: 2)
        let value6 = slab.insert(1)
        #expect(value6 == 0)
        let value7 = slab.insert(2)
        #expect(value7 == 1)
        let value8 = slab.insert(3)
        #expect(value8 == nil)
        slab.remove(0)
        let value9 = slab.insert(4)
        #expect(value9 == 0)
        let value10 = slab.highWater
        #expect(value10 == 2)
    }
}

@Suite struct BufferPoolTests {
    @Test func `bytes come out as they went in, and buffers are limited`() {
        var pool = BufferPool(capacity: 1, bufferBytes: 64)
        var buffer = PooledBuffer.none
        let value11 = buffer.isLent
        #expect(!value11)
        let value12 = pool.lend(&buffer)
        #expect(value12)
        buffer.write { $0.append("hello world") }
        buffer.consume(6)
        buffer.compact()
        let value13 = buffer.bytes.text()
        #expect(value13 == "world")
        let value14 = buffer.room
        #expect(value14 == 59)
        var other = PooledBuffer.none
        let value15 = pool.lend(&other)
        #expect(!value15)
        pool.give(&buffer)
        let value16 = pool.borrowed
        #expect(value16 == 0)
        let value17 = pool.lend(&other)
        #expect(value17)
        let value18 = other.isEmpty
        #expect(value18)
    }

    @Test func `more than fits is remembered, not written`() {
        var pool = BufferPool(capacity: 1, bufferBytes: 64)
        var buffer = PooledBuffer.none
        let value19 = pool.lend(&buffer)
        #expect(value19)
        let overflowed = buffer.write { writer in
            for _ in 0..<65 { writer.append(0x61) }
            return writer.overflowed
        }
        #expect(overflowed)
        let value20 = buffer.count
        #expect(value20 == 64)
    }
}
