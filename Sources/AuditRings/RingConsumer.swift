import Primitives
import Synchronization

/// The half of a ring that the audit writer drains.
///
/// A pass: `refresh` once, `next` until it answers nil, then `release` when the records' bytes are
/// no longer needed.
@safe
public struct RingConsumer: ~Copyable, Sendable {
    private let storage: RingStorage
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    private let capacity: Int
    /// Where the next record is.
    private var position: UInt64 = 0
    /// Up to where the producer was known to have published.
    private var published: UInt64 = 0
    /// Up to where the producer has been told.
    private var released: UInt64 = 0
    /// Records taken since the start, released or not.
    public private(set) var takenCount: UInt64 = 0

    init(_ storage: RingStorage) {
        self.storage = storage
        unsafe memory = storage.memory
        capacity = storage.capacity
    }

    /// Looks how far the producer has published, and answers whether a record waits.
    public mutating func refresh() -> Bool {
        // Pairs with the releasing store in RingProducer.publish: the bytes up to there are seen.
        published = storage.published.load(ordering: .acquiring)
        return position != published
    }

    /// Takes the next record that the last `refresh` saw, or answers nil.
    ///
    /// Its bytes stay until `release`.
    @_lifetime(&self)
    public mutating func next() -> Span<UInt8>? {
        guard position != published else { return nil }
        var place = Int(position & UInt64(capacity &- 1))
        // Safe: between the two positions lie whole records that the producer has published.
        var count = unsafe memory.load(fromByteOffset: place, as: UInt32.self)
        if count == RingStorage.skip {
            position &+= UInt64(capacity &- place)
            place = 0
            count = unsafe memory.load(fromByteOffset: 0, as: UInt32.self)
        }
        let stride = RingStorage.stride(Int(count))
        precondition(stride <= capacity &- place)
        position &+= UInt64(stride)
        takenCount &+= 1
        let start = unsafe UnsafePointer<UInt8>(
            (memory + (place &+ RingStorage.headerBytes)).assumingMemoryBound(to: UInt8.self))
        let bytes = unsafe Span(_unsafeStart: start, count: Int(count))
        return unsafe _overrideLifetime(bytes, mutating: &self)
    }

    /// Gives the producer back the room of every record taken.
    public mutating func release() {
        guard released != position else { return }
        // Releases the reads above; pairs with the acquiring load in RingProducer.refresh.
        storage.released.store(position, ordering: .releasing)
        released = position
    }

    /// The facts at the start of a record that `RingProducer.push(_:_:)` wrote as the same type.
    ///
    /// Only for records of a ring into which nothing else is pushed: the bytes are taken as they
    /// are.
    @unsafe
    @inlinable
    public static func facts<Facts: BitwiseCopyable>(
        of record: Span<UInt8>, as type: Facts.Type
    ) -> Facts {
        precondition(record.count >= MemoryLayout<Facts>.size)
        return unsafe record.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: Facts.self)
    }
}

/// The consumers that one thread drains, in the order in which they were added.
@safe
public struct RingSet: ~Copyable, @unchecked Sendable {
    // Sendable: the consumers move with their one owner.
    private let consumers: UnsafeMutablePointer<RingConsumer>
    private let capacity: Int
    /// How many rings there are.
    public private(set) var count = 0

    /// Room for `capacity` rings.
    public init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        unsafe consumers = .allocate(capacity: capacity)
    }

    deinit {
        // Safe: the first `count` were initialised by `add`.
        unsafe consumers.deinitialize(count: count)
        unsafe consumers.deallocate()
    }

    /// Adds `consumer` as the last.
    public mutating func add(_ consumer: consuming RingConsumer) {
        precondition(count < capacity)
        unsafe (consumers + count).initialize(to: consumer)
        count += 1
    }

    /// Makes a ring, keeps its consumer as the last, and answers its producer.
    public mutating func addRing(capacityBytes: Int) -> RingProducer {
        var producer = RingProducer(capacityBytes: capacityBytes)
        add(producer.makeConsumer())
        return producer
    }

    /// The consumer at `index`.
    public subscript(index: Int) -> RingConsumer {
        // Safe: the first `count` are initialised, and self is accessed exclusively.
        unsafeAddress {
            precondition(index >= 0 && index < count)
            return unsafe UnsafePointer(consumers + index)
        }
        unsafeMutableAddress {
            precondition(index >= 0 && index < count)
            return unsafe consumers + index
        }
    }
}
