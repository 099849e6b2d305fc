/// A set of certificate patterns out of those that one policy names, at most 64.
///
/// A pattern's number is its place in that policy, and means nothing to another one.
public struct CertificateSet: Sendable, Equatable, BitwiseCopyable {
    /// Most distinct patterns in one policy.
    public static let capacity = 64

    /// Bit n: whether pattern n is in the set.
    public var bits: UInt64

    /// The set of these bits, by default of none.
    @inlinable
    public init(bits: UInt64 = 0) {
        self.bits = bits
    }

    /// Whether pattern `number` is in the set.
    @inlinable
    public func contains(_ number: Int) -> Bool {
        number >= 0 && number < CertificateSet.capacity && bits >> UInt64(number) & 1 == 1
    }

    /// Adds pattern `number`.
    @inlinable
    public mutating func insert(_ number: Int) {
        precondition(number >= 0 && number < CertificateSet.capacity)
        bits |= 1 << UInt64(number)
    }

    /// Whether no pattern is in the set.
    @inlinable
    public var isEmpty: Bool { bits == 0 }

    /// Whether a pattern is in both sets.
    @inlinable
    public func intersects(_ other: CertificateSet) -> Bool { bits & other.bits != 0 }
}
