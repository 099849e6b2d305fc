import Primitives
import Synchronization

/// The half of a ring that a worker pushes its records into.
@safe
public struct RingProducer: ~Copyable, Sendable {
    private let storage: RingStorage
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    /// Bytes of the ring's memory.
    public let capacity: Int
    /// Where the next record goes.
    private var position: UInt64 = 0
    /// Where the consumer was known to be; it may be further.
    private var released: UInt64 = 0
    /// Up to where the consumer has been told.
    private var published: UInt64 = 0
    /// Records pushed since the start, published or not.
    public private(set) var pushedCount: UInt64 = 0

    private var hasConsumer = false

    /// Makes a ring of `capacityBytes`, a power of two and 4096 at least.
    ///
    /// Lock-free and without a system call. What is pushed becomes visible with `publish`.
    public init(capacityBytes: Int) {
        storage = RingStorage(capacity: capacityBytes)
        unsafe memory = storage.memory
        capacity = storage.capacity
    }

    /// The ring's other half. Once, before anything is pushed.
    ///
    /// Swift has no tuple of noncopyable values, so that a function can't answer both halves.
    public mutating func makeConsumer() -> RingConsumer {
        precondition(!hasConsumer && position == 0)
        hasConsumer = true
        return RingConsumer(storage)
    }

    /// Longest record that a ring of this capacity takes.
    public var maximumRecordBytes: Int { capacity / 4 }

    /// Whether at least half of the ring waits for the consumer, as far as is known: asking costs
    /// nothing while the last known position says no.
    public var isHalfFull: Bool {
        mutating get {
            guard capacity &- Int(position &- released) < capacity / 2 else { return false }
            refresh()
            return capacity &- Int(position &- released) < capacity / 2
        }
    }

    /// Bytes that wait for the consumer now.
    public mutating func usedBytes() -> Int {
        refresh()
        return Int(position &- released)
    }

    /// Pushes `head` followed by `tail` as one record; false, and nothing written, when full.
    public mutating func push(_ head: Span<UInt8>, _ tail: Span<UInt8>) -> Bool {
        guard let place = unsafe claim(head.count &+ tail.count) else { return false }
        // Safe: claim made sure of the room; the sources are other memory.
        unsafe copy(head, to: place)
        unsafe copy(tail, to: place + head.count)
        return true
    }

    /// Pushes the bytes of `facts` followed by `fields` as one record.
    ///
    /// The facts lie at a multiple of 8 and are read back by `RingConsumer.facts`.
    public mutating func push<Facts: BitwiseCopyable>(
        _ facts: Facts, _ fields: Span<UInt8>
    ) -> Bool {
        let size = MemoryLayout<Facts>.size
        guard let place = unsafe claim(size &+ fields.count) else { return false }
        // Safe: claim made sure of the room, at a multiple of 8; the facts are plain bits.
        unsafe place.storeBytes(of: facts, as: Facts.self)
        unsafe copy(fields, to: place + size)
        return true
    }

    /// Shows the consumer everything pushed. Once per loop turn.
    public mutating func publish() {
        guard published != position else { return }
        // Releases the bytes above; pairs with the acquiring load in RingConsumer.refresh.
        storage.published.store(position, ordering: .releasing)
        published = position
    }

    private mutating func refresh() {
        // Pairs with the releasing store in RingConsumer.release: what lies there was read.
        released = storage.released.load(ordering: .acquiring)
    }

    /// Takes the room for a record of `count` bytes and answers where its bytes go.
    private mutating func claim(_ count: Int) -> UnsafeMutableRawPointer? {
        precondition(count <= maximumRecordBytes)
        let stride = RingStorage.stride(count)
        let place = Int(position & UInt64(capacity &- 1))
        let untilEnd = capacity &- place
        let needed = stride <= untilEnd ? stride : stride &+ untilEnd
        if needed > capacity &- Int(position &- released) {
            refresh()
            if needed > capacity &- Int(position &- released) { return nil }
        }
        var start = place
        if stride > untilEnd {
            // Safe: positions are multiples of 8, so that there is room for a header.
            unsafe memory.storeBytes(of: RingStorage.skip, toByteOffset: place, as: UInt32.self)
            start = 0
        }
        unsafe memory.storeBytes(
            of: UInt32(truncatingIfNeeded: count), toByteOffset: start, as: UInt32.self)
        position &+= UInt64(needed)
        pushedCount &+= 1
        return unsafe memory + (start &+ RingStorage.headerBytes)
    }

    @unsafe
    private func copy(_ bytes: Span<UInt8>, to place: UnsafeMutableRawPointer) {
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe place.copyMemory(from: start, byteCount: source.count)
        }
    }
}
