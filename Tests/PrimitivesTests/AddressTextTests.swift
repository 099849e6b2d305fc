import Primitives
import Testing

@Suite struct AddressTextTests {
    private func parsed(_ text: String) -> Identifier128? {
        Identifier128(addressText: Array(text.utf8).span)
    }

    private func written(_ address: Identifier128) -> String {
        var buffer = ByteBuffer(capacity: 64)
        buffer.write { $0.appendAddress(PeerAddress(address: address, port: 1)) }
        return buffer.span.text()
    }

    @Test(arguments: [
        "127.0.0.1", "0.0.0.0", "255.255.255.255", "10.1.2.30", "::1", "::", "2001:db8::1",
        "fe80::1:0:0:1", "1:2:3:4:5:6:7:8", "2001:db8:0:1:1:1:1:1", "1::", "abcd:ef01::8000",
    ])
    func `an address in its shortest form comes back as it was`(text: String) throws {
        let address = try #require(parsed(text))
        #expect(written(address) == text)
    }

    @Test(arguments: [
        ("::ffff:1.2.3.4", "1.2.3.4"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("0:0:0:0:0:0:0:0", "::"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
    ])
    func `other spellings mean the same address`(text: String, shortest: String) throws {
        let address = try #require(parsed(text))
        #expect(written(address) == shortest)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7:", ":1::", "[::1]",
        "::1%eth0", "1:2:3:4:5:6:7::8", "1.2.3.4::", "unknown",
    ])
    func `anything else is refused`(text: String) {
        #expect(parsed(text) == nil)
    }
}
