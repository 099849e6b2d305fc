/// A set of configured issuers by number, at most 64.
public struct IssuerSet: Sendable, Equatable, BitwiseCopyable {
    /// Most issuers in one configuration.
    public static let capacity = 64

    /// Bit n: whether issuer n is in the set.
    public var bits: UInt64

    /// The set of these bits, by default of none.
    @inlinable
    public init(bits: UInt64 = 0) {
        self.bits = bits
    }

    /// Whether issuer `number` is in the set.
    @inlinable
    public func contains(_ number: Int) -> Bool {
        number >= 0 && number < IssuerSet.capacity && bits >> UInt64(number) & 1 == 1
    }

    /// Adds issuer `number`.
    @inlinable
    public mutating func insert(_ number: Int) {
        precondition(number >= 0 && number < IssuerSet.capacity)
        bits |= 1 << UInt64(number)
    }

    /// Whether no issuer is in the set.
    @inlinable
    public var isEmpty: Bool { bits == 0 }
}
