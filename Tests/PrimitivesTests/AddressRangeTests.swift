import Primitives
import Testing

@Suite struct AddressRangeTests {
    private static func mapped(_ ipv4: UInt32) -> Identifier128 {
        PeerAddress(ipv4: ipv4, port: 0).address
    }

    @Test(
        arguments: [
            (0x0A00_0000, 104, 0x0AFF_FFFF, true), (0x0A00_0000, 104, 0x0B00_0000, false),
            (0x7F00_0001, 128, 0x7F00_0001, true), (0x7F00_0001, 128, 0x7F00_0002, false),
            (0x0A01_0203, 96, 0x0000_0000, true),
        ] as [(UInt32, Int, UInt32, Bool)])
    func `an address is inside when the shared bits agree`(
        base: UInt32, bits: Int, other: UInt32, expected: Bool
    ) {
        let range = AddressRange(address: Self.mapped(base), prefixBits: bits)
        #expect(range.contains(Self.mapped(other)) == expected)
    }

    @Test func `a block of every address contains every address`() {
        let all = AddressRange(address: .zero, prefixBits: 0)
        #expect(all.contains(Identifier128(high: .max, low: .max)))
    }

    @Test func `an IPv6 prefix inside the upper half is kept to its bits`() {
        let range = AddressRange(
            address: Identifier128(high: 0x2001_0DB8_0000_0000, low: 7), prefixBits: 32)
        #expect(range.address == Identifier128(high: 0x2001_0DB8_0000_0000, low: 0))
        #expect(range.contains(Identifier128(high: 0x2001_0DB8_FFFF_0000, low: 1)))
        #expect(!range.contains(Identifier128(high: 0x2001_0DB9_0000_0000, low: 1)))
    }
}
