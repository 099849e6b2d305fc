extension ByteWriter {
    /// Appends the bytes of `value`, most significant first.
    @inlinable
    public mutating func appendBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value
    ) {
        let size = MemoryLayout<Value>.size
        guard reserve(size) else { return }
        // Safe: reserve checked the bound; the store needs no alignment.
        unsafe UnsafeMutableRawPointer(base + written).storeBytes(
            of: value.bigEndian, as: Value.self)
        written &+= size
    }
}

extension Span where Element == UInt8 {
    /// The big-endian integer at `offset`; all of it must lie inside.
    @inlinable
    public func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Value.Type = Value.self
    ) -> Value {
        precondition(offset >= 0 && offset &+ MemoryLayout<Value>.size <= count)
        // Safe: the bytes were just checked to lie inside the span.
        return unsafe Value(
            bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
