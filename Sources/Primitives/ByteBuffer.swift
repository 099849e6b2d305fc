/// Bytes on the heap of a fixed capacity, owned once. Made at start, never grown.
@safe
public struct ByteBuffer: ~Copyable, @unchecked Sendable {
    @usableFromInline let memory: UnsafeMutableBufferPointer<UInt8>
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    @usableFromInline var written: Int

    /// Allocates `capacity` bytes, at least one.
    public init(capacity: Int) {
        precondition(capacity > 0)
        unsafe base = .allocate(capacity: capacity)
        unsafe memory = UnsafeMutableBufferPointer(start: base, count: capacity)
        written = 0
    }

    deinit {
        unsafe base.deallocate()
    }

    /// Bytes held.
    @inlinable public var count: Int { written }
    /// Most bytes that fit.
    @inlinable public var capacity: Int { unsafe memory.count }

    /// What is held.
    @inlinable
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Safe: the first `written` bytes are initialised and owned by self.
            let bytes = unsafe Span(_unsafeStart: base, count: written)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Forgets everything held.
    @inlinable
    public mutating func removeAll() {
        written = 0
    }

    /// Runs `body` with a writer that appends to what is held.
    @inlinable
    public mutating func write<Failure: Error, Result>(
        _ body: (inout ByteWriter) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Safe: self outlives the writer, which does not escape `body`.
        var writer = unsafe ByteWriter(over: memory, count: written)
        defer { written = writer.count }
        return try body(&writer)
    }
}
