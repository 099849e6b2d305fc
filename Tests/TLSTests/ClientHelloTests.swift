import Primitives
import TLS
import Testing

@Suite struct ClientHelloTests {
    @Test func `the name is the one that the client asks for`() throws {
        var text = ClientHelloFingerprintTests.chrome
        text.serverName = "API.Example.com."
        let message = text.message
        let name = ClientHello(message.span)?.serverName.text()
        #expect(name == "API.Example.com.")
    }

    @Test func `without the extension there is no name`() throws {
        let message = ClientHelloText(extensions: "002b").message
        let count = ClientHello(message.span)?.serverName.count
        #expect(count == 0)
        let bare = ClientHelloText(extensions: "").message
        let bareCount = ClientHello(bare.span)?.serverName.count
        #expect(bareCount == 0)
    }

    @Test(
        arguments: [
            ("0006 00 0003 616263", "abc"),
            // Another type of name before it.
            ("000b 01 0002 7878 00 0003 616263", "abc"),
            ("0005 01 0002 7878", ""),
            ("0003 00 0000", ""),
            // Lengths that disagree.
            ("", ""), ("00", ""), ("0000", ""), ("0007 00 0003 616263", ""),
            ("0006 00 0004 616263", ""), ("0005 00 0003 616263", ""), ("0001 00", ""),
        ] as [(String, String)])
    func `a name is read from its extension`(hex: String, name: String) {
        let bytes = ClientHelloText.bytes(hex.filter { $0 != " " })
        let found = ClientHello.serverName(inExtension: bytes.span).text()
        #expect(found == name)
    }

    @Test func `the body of the first extension of a type is found`() {
        let message = ClientHelloText(extensions: "0017,002b,0033").message
        let body = ClientHello(message.span)?.body(of: 43)?.text()
        #expect(body == "\u{2}\u{3}\u{4}")
        let missing = ClientHello(message.span)?.body(of: 13) == nil
        #expect(missing)
    }
}
