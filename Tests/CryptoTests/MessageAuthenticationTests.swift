import Crypto
import Primitives
import Testing

/// HMAC-SHA-256 against RFC 4231 §4.
@Suite struct MessageAuthenticationTests {
    struct Vector: Sendable {
        var key: [UInt8]
        var text: [UInt8]
        var mac: String
    }

    static let vectors = [
        Vector(
            key: [UInt8](repeating: 0x0B, count: 20), text: Array("Hi There".utf8),
            mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Vector(
            key: Array("Jefe".utf8), text: Array("what do ya want for nothing?".utf8),
            mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Vector(
            key: [UInt8](repeating: 0xAA, count: 20), text: [UInt8](repeating: 0xDD, count: 50),
            mac: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    ]

    @Test(arguments: vectors)
    func `the vectors of RFC 4231`(vector: Vector) throws {
        let library = try CryptoLibrary()
        var function = try MessageAuthentication(key: vector.key.span, library: library)
        for _ in 0..<2 {
            function.begin()
            for byte in vector.text {
                let one = [byte]
                function.update(one.span)
            }
            let mac = function.finish()
            #expect(mac.hexText == vector.mac)
        }
    }

    @Test func `a label ends before what follows`() throws {
        let library = try CryptoLibrary()
        let key = [UInt8](repeating: 7, count: 32)
        var function = try MessageAuthentication(key: key.span, library: library)
        func mac(_ label: StaticString, _ text: String) -> Digest256 {
            function.begin()
            function.update(label: label)
            let bytes = Array(text.utf8)
            function.update(bytes.span)
            return function.finish()
        }
        let first = mac("sub", "alice")
        #expect(first == mac("sub", "alice"))
        #expect(first != mac("su", "balice"))
        #expect(first != mac("jti", "alice"))
    }
}
