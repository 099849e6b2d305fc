/// A 128-bit identifier: request ids (RFC 9562 UUID bytes) and W3C trace ids.
public struct Identifier128: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The first eight bytes, big-endian.
    public var high: UInt64
    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// The identifier with these halves.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// All bits zero, which no valid identifier is.
    public static let zero = Identifier128(high: 0, low: 0)
    /// Whether all bits are zero.
    @inlinable public var isZero: Bool { high | low == 0 }
}

/// Which settings a thing was made under; a new generation makes every cached answer stale.
public struct SettingsGeneration: Equatable, Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Counts up by one for each settings file that was taken.
    public var number: UInt32

    /// The generation `number`.
    @inlinable
    public init(number: UInt32) {
        self.number = number
    }

    /// Whether `left` was taken first.
    @inlinable
    public static func < (left: SettingsGeneration, right: SettingsGeneration) -> Bool {
        left.number < right.number
    }
}

/// An address and port of a peer, IPv4 written as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2).
public struct PeerAddress: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The address, big-endian halves.
    public var address: Identifier128
    /// The TCP port.
    public var port: UInt16

    /// The peer at `address` and `port`.
    @inlinable
    public init(address: Identifier128, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// The peer at the IPv4 address `ipv4` (127.0.0.1 is 0x7F000001).
    @inlinable
    public init(ipv4: UInt32, port: UInt16) {
        self.address = Identifier128(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(ipv4))
        self.port = port
    }

    /// Whether the address is IPv4-mapped.
    @inlinable
    public var isIPv4: Bool { address.high == 0 && address.low >> 32 == 0xFFFF }

    /// Stands where no address is known.
    public static let unknown = PeerAddress(address: .zero, port: 0)
}
