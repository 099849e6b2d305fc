/// A 128-bit identifier: request ids (RFC 9562 UUID bytes) and W3C trace ids.
public struct Identifier128: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// Big-endian halves: `high` holds the first eight bytes.
    public var high: UInt64
    public var low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static let zero = Identifier128(high: 0, low: 0)
    @inlinable public var isZero: Bool { high | low == 0 }
}

/// Which settings a thing was made under; a new generation makes every cached answer stale.
public struct SettingsGeneration: Equatable, Hashable, Comparable, Sendable, BitwiseCopyable {
    public var number: UInt32

    @inlinable
    public init(number: UInt32) {
        self.number = number
    }

    @inlinable
    public static func < (left: SettingsGeneration, right: SettingsGeneration) -> Bool {
        left.number < right.number
    }
}

/// An address and port of a peer, IPv4 written as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2).
public struct PeerAddress: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The address, big-endian halves.
    public var address: Identifier128
    public var port: UInt16

    @inlinable
    public init(address: Identifier128, port: UInt16) {
        self.address = address
        self.port = port
    }

    @inlinable
    public init(ipv4: UInt32, port: UInt16) {
        self.address = Identifier128(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(ipv4))
        self.port = port
    }

    @inlinable
    public var isIPv4: Bool { address.high == 0 && address.low >> 32 == 0xFFFF }

    public static let unknown = PeerAddress(address: .zero, port: 0)
}
