/// A run of bytes inside a buffer that the holder of the range knows: positions, not pointers.
///
/// A parser answers with ranges, so that its results outlive a move of the buffer's owner and
/// hold no reference. A range means something only beside the bytes it was made from.
public struct ByteRange: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// Position of the first byte.
    public var start: UInt32
    /// How many bytes there are.
    public var count: UInt32

    /// The `count` bytes from `start` on.
    @inlinable
    public init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    /// No bytes, at the start.
    public static let empty = ByteRange(start: 0, count: 0)

    /// Whether there are no bytes.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// Position of the first byte.
    @inlinable
    public var lower: Int { Int(start) }

    /// Position after the last byte.
    @inlinable
    public var upper: Int { Int(start) + Int(count) }
}

extension Span where Element == UInt8 {
    /// The bytes that `range` names; the range must lie inside this span.
    @_lifetime(copy self)
    @inlinable
    public func extracting(_ range: ByteRange) -> Span<UInt8> {
        extracting(range.lower..<range.upper)
    }
}
