/// Buffers of one size, borrowed by connections while they hold bytes.
///
/// One thread owns a pool. Its memory is reserved once and touched when first used; it is never
/// given back while the process lives, so that a span of it cannot dangle.
@safe
public struct BufferPool: ~Copyable {
    /// Capacity of each buffer, in bytes.
    public let bufferBytes: Int
    /// How many buffers there are.
    public let capacity: Int
    /// Buffers borrowed now.
    public private(set) var borrowed = 0

    private let memory: UnsafeMutablePointer<UInt8>
    private let stride: Int
    private let nextFree: UnsafeMutablePointer<Int32>
    private var firstFree: Int32 = -1
    private var untouched = 0

    /// Reserves `capacity` buffers of `bufferBytes`.
    public init(capacity: Int, bufferBytes: Int) {
        precondition(capacity > 0 && bufferBytes > 0 && bufferBytes.isMultiple(of: 64))
        self.capacity = capacity
        self.bufferBytes = bufferBytes
        // Five odd cache lines between buffers: their first bytes, which every message uses,
        // then fall into different sets of the processor's caches.
        stride = bufferBytes + 5 * 64
        unsafe memory = .allocate(capacity: capacity * stride)
        unsafe nextFree = .allocate(capacity: capacity)
        unsafe nextFree.initialize(repeating: -1, count: capacity)
    }

    /// Lends an empty buffer to a holder of none; false when all are out.
    public mutating func lend(_ buffer: inout PooledBuffer) -> Bool {
        precondition(!buffer.isLent)
        let index: Int32
        if firstFree >= 0 {
            index = firstFree
            unsafe firstFree = nextFree[Int(index)]
        } else if untouched < capacity {
            index = Int32(untouched)
            untouched += 1
        } else {
            return false
        }
        borrowed += 1
        unsafe buffer = PooledBuffer(
            memory: memory + Int(index) * stride, capacity: bufferBytes, index: index)
        return true
    }

    /// Takes back `buffer`, whatever it still holds, and leaves none; no buffer is no change.
    public mutating func give(_ buffer: inout PooledBuffer) {
        let index = buffer.index
        guard index >= 0 else { return }
        buffer = .none
        precondition(Int(index) < untouched)
        unsafe nextFree[Int(index)] = firstFree
        firstFree = index
        borrowed -= 1
    }
}

/// A borrowed buffer, or none: bytes are appended at `end` and consumed from `start`.
@safe
public struct PooledBuffer: ~Copyable {
    private let memory: UnsafeMutablePointer<UInt8>
    /// Most bytes that fit; 0 when this is none.
    public let capacity: Int
    fileprivate let index: Int32
    /// Position of the first byte that is not consumed.
    public private(set) var start = 0
    /// Position after the last byte.
    public private(set) var end = 0

    fileprivate init(memory: UnsafeMutablePointer<UInt8>, capacity: Int, index: Int32) {
        unsafe self.memory = memory
        self.capacity = capacity
        self.index = index
    }

    /// What a holder without a buffer holds.
    public static var none: PooledBuffer {
        // Safe: nothing is read or written through a capacity of 0.
        unsafe PooledBuffer(
            memory: UnsafeMutablePointer(bitPattern: 64).unsafelyUnwrapped, capacity: 0, index: -1)
    }

    /// Whether this is a buffer of a pool.
    public var isLent: Bool { index >= 0 }

    /// Bytes held and not consumed.
    public var count: Int { end - start }
    /// Whether nothing is held.
    public var isEmpty: Bool { start == end }
    /// Bytes that can be appended without moving any.
    public var room: Int { capacity - end }

    /// The bytes held.
    ///
    /// The span stays readable after this value is moved: a pool's memory lives as long as the
    /// process. What it shows changes once the buffer is written or lent again.
    public var bytes: Span<UInt8> {
        @_lifetime(immortal)
        get {
            // Safe: bytes below `end` were written, and the pool's memory is never freed.
            let span = unsafe Span(_unsafeStart: memory + start, count: end - start)
            return unsafe _overrideLifetime(span, copying: ())
        }
    }

    /// Drops the first `count` bytes held.
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Moves the bytes held to the front, so that all the room is behind them.
    public mutating func compact() {
        guard start > 0 else { return }
        let size = end - start
        // Safe: both places lie inside the buffer; `update` from a pointer permits overlap.
        unsafe memory.update(from: memory + start, count: size)
        start = 0
        end = size
    }

    /// Runs `body` with the free memory behind the bytes held; it answers how many it filled.
    @unsafe
    public mutating func fill<Result>(
        _ body: (UnsafeMutableRawBufferPointer) -> (filled: Int, result: Result)
    ) -> Result {
        let free = unsafe UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end)
        let (filled, result) = unsafe body(free)
        precondition(filled >= 0 && filled <= capacity - end)
        end += filled
        return result
    }

    /// A writer that appends behind the bytes held; `commit` makes what it wrote part of them.
    ///
    /// Until then the buffer must not be changed. For callers that can't use the closure of
    /// `write`, because it would capture the buffer's owner.
    public func writer() -> ByteWriter {
        // Safe: a pool's memory is never freed.
        let target = unsafe UnsafeMutableBufferPointer(
            start: memory + start, count: capacity - start)
        return unsafe ByteWriter(over: target, count: end - start)
    }

    /// Takes over what `writer`, which this buffer made, has written.
    public mutating func commit(_ writer: borrowing ByteWriter) {
        precondition(writer.capacity == capacity - start && writer.count >= end - start)
        end = start + writer.count
    }

    /// Runs `body` with a writer that appends behind the bytes held.
    public mutating func write<Failure: Error, Result>(
        _ body: (inout ByteWriter) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Safe: the memory outlives the writer, which does not escape `body`.
        let target = unsafe UnsafeMutableBufferPointer(
            start: memory + start, count: capacity - start)
        var writer = unsafe ByteWriter(over: target, count: end - start)
        defer { end = start + writer.count }
        return try body(&writer)
    }
}
