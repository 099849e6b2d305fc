/// A set of up to 64 things that settings number from 0, such as issuers.
///
/// `Member` only tells sets of different things apart: a number means nothing in another set.
public struct NumberSet<Member>: Sendable, Equatable, BitwiseCopyable {
    /// Numbers lie below this.
    @inlinable
    public static var capacity: Int { 64 }

    /// Bit n: whether number n is in the set.
    public var bits: UInt64

    /// The set of these bits, by default of none.
    @inlinable
    public init(bits: UInt64 = 0) {
        self.bits = bits
    }

    /// Whether `number` is in the set.
    @inlinable
    public func contains(_ number: Int) -> Bool {
        number >= 0 && number < NumberSet.capacity && bits >> UInt64(number) & 1 == 1
    }

    /// Adds `number`.
    @inlinable
    public mutating func insert(_ number: Int) {
        precondition(number >= 0 && number < NumberSet.capacity)
        bits |= 1 << UInt64(number)
    }

    /// Whether nothing is in the set.
    @inlinable
    public var isEmpty: Bool { bits == 0 }

    /// Whether a number is in both sets.
    @inlinable
    public func intersects(_ other: NumberSet) -> Bool { bits & other.bits != 0 }
}
