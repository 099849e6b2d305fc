/// A set of roles out of those that the policy names; each name has a number at compile time.
///
/// Roles that no rule names cannot decide anything, so they need no number: a token's roles
/// shrink to 256 bits once, when it is verified, and each request costs four ANDs.
public struct RoleSet: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// Most distinct role names in one policy.
    public static let capacity = 256

    @usableFromInline var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// No roles.
    @inlinable
    public init() {}

    /// Adds the role with that number.
    @inlinable
    public mutating func insert(_ role: Int) {
        precondition(role >= 0 && role < RoleSet.capacity)
        let bit = UInt64(1) << UInt64(role & 63)
        switch role >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    /// The lowest role that both sets hold, or nil.
    @inlinable
    public func firstCommon(with other: RoleSet) -> Int? {
        if words.0 & other.words.0 != 0 { return (words.0 & other.words.0).trailingZeroBitCount }
        if words.1 & other.words.1 != 0 {
            return 64 + (words.1 & other.words.1).trailingZeroBitCount
        }
        if words.2 & other.words.2 != 0 {
            return 128 + (words.2 & other.words.2).trailingZeroBitCount
        }
        if words.3 & other.words.3 != 0 {
            return 192 + (words.3 & other.words.3).trailingZeroBitCount
        }
        return nil
    }

    /// Whether there are no roles.
    @inlinable
    public var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    /// Whether both hold the same roles.
    @inlinable
    public static func == (left: RoleSet, right: RoleSet) -> Bool { left.words == right.words }

    /// Feeds all four words.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
