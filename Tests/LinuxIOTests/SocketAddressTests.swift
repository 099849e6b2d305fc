import LinuxIO
import Primitives
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0", "0.0.0.0:80"),
        ("255.255.255.255", "255.255.255.255:80"),
        ("::1", "[::1]:80"),
        ("2001:db8:0:0::12", "[2001:db8::12]:80"),
    ])
    func `a literal reads back in its usual form`(literal: String, text: String) throws {
        let address = try #require(SocketAddress(literal: literal, port: 80))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "localhost", "127.0.0", "127.0.0.1:80", "[::1]", "1.2.3.4 ", "::1%lo", "0x7f.1",
    ])
    func `what is no literal is refused`(text: String) {
        #expect(SocketAddress(literal: text, port: 80) == nil)
    }

    @Test func `IPv4 is kept as IPv4-mapped`() throws {
        let address = try #require(SocketAddress(literal: "10.1.2.3", port: 443))
        let mapped = try #require(SocketAddress(literal: "::ffff:10.1.2.3", port: 443))
        #expect(address == mapped)
        #expect(address.peer.isIPv4)
        #expect(address.peer == PeerAddress(ipv4: 0x0A01_0203, port: 443))
    }
}
