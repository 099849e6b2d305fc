/// A block of addresses in CIDR form (RFC 4632 §3.1, RFC 4291 §2.3), such as `10.0.0.0/8`.
public struct AddressRange: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The block's first address, IPv4 as IPv4-mapped.
    public let address: Identifier128
    /// Leading bits that all addresses of the block share, 0 to 128; an IPv4 /8 has 104 here.
    public let prefixBits: Int

    /// The block of `prefixBits` shared bits around `address`; its other bits are cleared.
    public init(address: Identifier128, prefixBits: Int) {
        precondition(prefixBits >= 0 && prefixBits <= 128)
        self.prefixBits = prefixBits
        self.address = AddressRange.masked(address, prefixBits: prefixBits)
    }

    /// Whether `other` lies in this block.
    public func contains(_ other: Identifier128) -> Bool {
        AddressRange.masked(other, prefixBits: prefixBits) == address
    }

    private static func masked(_ address: Identifier128, prefixBits: Int) -> Identifier128 {
        let high = prefixBits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(prefixBits))
        let low =
            prefixBits <= 64
            ? 0 : prefixBits == 128 ? UInt64.max : ~(UInt64.max >> UInt64(prefixBits - 64))
        return Identifier128(high: address.high & high, low: address.low & low)
    }
}
