/// What a slab notes about one slot.
@usableFromInline
struct SlabLink {
    @usableFromInline var nextFree: Int32
    @usableFromInline var generation: UInt32
    @usableFromInline var isUsed: Bool
}

/// Slots of one kind, made at start and reused; each use of a slot has its own generation.
///
/// One thread owns a slab. A slot's number says where, its generation says which use: an event
/// that was queued for an earlier use carries the earlier generation and is dropped.
@safe
public struct Slab<Element: ~Copyable>: ~Copyable {
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    @usableFromInline let links: UnsafeMutablePointer<SlabLink>
    /// Most slots in use at a time.
    public let capacity: Int
    /// Slots in use.
    public private(set) var inUse = 0
    /// Slots that were ever in use lie below this number.
    public private(set) var highWater = 0
    private var firstFree: Int32 = -1

    /// Makes `capacity` slots; `initial` is called for a slot when it is first used.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity < Int(Int32.max))
        self.capacity = capacity
        unsafe elements = .allocate(capacity: capacity)
        unsafe links = .allocate(capacity: capacity)
        unsafe links.initialize(
            repeating: SlabLink(nextFree: -1, generation: 0, isUsed: false), count: capacity)
    }

    deinit {
        for slot in 0..<highWater where unsafe links[slot].isUsed {
            unsafe (elements + slot).deinitialize(count: 1)
        }
        unsafe elements.deallocate()
        unsafe links.deallocate()
    }

    /// Puts `element` into a free slot; nil when none is left (the element is then dropped).
    public mutating func insert(_ element: consuming Element) -> Int? {
        let slot: Int
        if firstFree >= 0 {
            slot = Int(firstFree)
            unsafe firstFree = links[slot].nextFree
        } else if highWater < capacity {
            slot = highWater
            highWater += 1
        } else {
            return nil
        }
        unsafe (elements + slot).initialize(to: element)
        unsafe links[slot].isUsed = true
        inUse += 1
        return slot
    }

    /// Ends this use of `slot`; its generation moves on.
    public mutating func remove(_ slot: Int) {
        precondition(slot >= 0 && slot < highWater)
        unsafe precondition(links[slot].isUsed)
        unsafe (elements + slot).deinitialize(count: 1)
        unsafe links[slot].generation &+= 1
        unsafe links[slot].isUsed = false
        unsafe links[slot].nextFree = firstFree
        firstFree = Int32(slot)
        inUse -= 1
    }

    /// Which use of `slot` this is.
    @inlinable
    public func generation(of slot: Int) -> UInt32 {
        precondition(slot >= 0 && slot < capacity)
        return unsafe links[slot].generation
    }

    /// Whether `slot` is in its `generation`th use.
    @inlinable
    public func holds(_ slot: Int, generation: UInt32) -> Bool {
        guard slot >= 0, slot < capacity else { return false }
        return unsafe links[slot].isUsed && links[slot].generation == generation
    }

    /// Whether `slot` is in use.
    @inlinable
    public func isUsed(_ slot: Int) -> Bool {
        slot >= 0 && slot < capacity && (unsafe links[slot].isUsed)
    }

    /// The element in `slot`, in place; the slot must be in use.
    @inlinable
    public subscript(slot: Int) -> Element {
        unsafeAddress {
            precondition(slot >= 0 && slot < capacity)
            // Safe: a slot in use is initialised, and its memory lives as long as self.
            unsafe precondition(links[slot].isUsed)
            return unsafe UnsafePointer(elements + slot)
        }
        unsafeMutableAddress {
            precondition(slot >= 0 && slot < capacity)
            // Safe: as above; self is mutated exclusively.
            unsafe precondition(links[slot].isUsed)
            return unsafe elements + slot
        }
    }
}
