import Crypto
import Testing

@Suite struct SigningKeyTests {
    private static let seed: [UInt8] = Array(0..<32)
    /// Of the same seed, by another implementation.
    private static let pem = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
        -----END PRIVATE KEY-----

        """

    @Test func `a seed gives its public key and PEM text`() throws {
        let key = try SigningKey(seed: SigningKeyTests.seed.span)
        let publicKey = key.publicKey
        #expect(
            hex(publicKey) == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
        let text = try key.pem()
        #expect(String(decoding: text, as: UTF8.self) == SigningKeyTests.pem)
        let again = try SigningKey(pem: text)
        let same = again.publicKey
        #expect(same == publicKey)
    }

    /// RFC 8032 §7.1, test 2.
    @Test func `the standard's example has its signature`() throws {
        let seed: [UInt8] = [
            0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11,
            0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed,
            0x4f, 0xb8, 0xa6, 0xfb,
        ]
        let key = try SigningKey(seed: seed.span)
        let signature = try key.sign([0x72].span)
        #expect(
            hex(signature)
                == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    }

    @Test func `a signature holds for its message and key only`() throws {
        let key = try SigningKey.generate()
        let other = try SigningKey.generate()
        let message = Array("a checkpoint".utf8)
        let signature = try key.sign(message.span)
        let publicKey = key.publicKey
        #expect(verify(signature, message, publicKey))
        #expect(!verify(signature, message + [0], publicKey))
        let otherKey = other.publicKey
        #expect(!verify(signature, message, otherKey))
        #expect(!verify(Array(signature.dropLast()), message, publicKey))
        #expect(!verify(signature, message, []))
        for position in signature.indices {
            var forged = signature
            forged[position] ^= 1
            #expect(!verify(forged, message, publicKey), "byte \(position)")
        }
    }

    @Test func `what is no Ed25519 key is refused`() throws {
        #expect(throws: CryptoError.seedLengthWrong) { _ = try SigningKey(seed: [1].span) }
        #expect(throws: CryptoError.privateKeyMalformed) { _ = try SigningKey(pem: []) }
        let cut = Array(SigningKeyTests.pem.utf8.dropLast(40))
        #expect(throws: CryptoError.privateKeyMalformed) { _ = try SigningKey(pem: cut) }
        // An X25519 key: the same form, another algorithm.
        let exchange = """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
            -----END PRIVATE KEY-----

            """
        #expect(throws: CryptoError.privateKeyOfOtherAlgorithm) {
            _ = try SigningKey(pem: Array(exchange.utf8))
        }
    }

    private func verify(_ signature: [UInt8], _ message: [UInt8], _ key: [UInt8]) -> Bool {
        Ed25519Verification.verify(
            signature: signature.span, message: message.span, publicKey: key.span)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
