import Primitives
import Testing

// Expectations cannot hold spans, so these stand between.
private func text(_ bytes: [UInt8]) -> String { Base64.encode(bytes.span) }
private func urlText(_ bytes: [UInt8]) -> String { Base64URL.encode(bytes.span) }
private func plainBytes(_ text: String) -> [UInt8]? { Base64.decode(Array(text.utf8).span) }
private func urlBytes(_ text: String) -> [UInt8]? { Base64URL.decode(Array(text.utf8).span) }

@Suite struct Base64Tests {
    /// RFC 4648 §10.
    static let examples = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: examples)
    func `the standard's examples come and go`(plain: String, encoded: String) {
        let bytes = Array(plain.utf8)
        #expect(text(bytes) == encoded)
        #expect(plainBytes(encoded) == bytes)
        let bare = encoded.filter { $0 != "=" }
        #expect(urlText(bytes) == bare)
        #expect(urlBytes(bare) == bytes)
    }

    @Test func `the last two characters differ between the alphabets`() {
        let bytes: [UInt8] = [0xFB, 0xFF]
        #expect(urlText(bytes) == "-_8")
        #expect(text(bytes) == "+/8=")
        #expect(urlBytes("+/8") == nil)
        #expect(plainBytes("-_8=") == nil)
    }

    @Test(arguments: [
        "A", "AAAAA", "Zg==", "Zg=", "Z g", "Zm9v\n", "Zm9v.", "Zh", "Zm9", "Zm8=", "é", "Zm\0v",
    ])
    func `what is not strict base64url is refused`(text: String) {
        #expect(urlBytes(text) == nil)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v=", " Zm9",
    ])
    func `what is not strict padded base64 is refused`(text: String) {
        #expect(plainBytes(text) == nil)
    }

    @Test func `every byte in every place comes back`() {
        for count in 0...9 {
            for byte in UInt8.min...UInt8.max {
                let bytes = [UInt8](repeating: byte, count: count)
                #expect(urlBytes(urlText(bytes)) == bytes)
                #expect(plainBytes(text(bytes)) == bytes)
            }
        }
    }

    @Test func `no more is written than there is room for`() {
        var buffer = ByteBuffer(capacity: 2)
        let text = Array("Zm9v".utf8)
        let isDecoded = buffer.write { Base64URL.decode(text.span, into: &$0) }
        #expect(!isDecoded)
    }
}
