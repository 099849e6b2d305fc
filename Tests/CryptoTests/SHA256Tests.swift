import Crypto
import Primitives
import Testing

@Suite struct SHA256Tests {
    @Test(arguments: [false, true])
    func `another context is one of its own`(throughProvider: Bool) throws {
        let library = try CryptoLibrary()
        var first = try SHA256(library, throughProvider: throughProvider)
        let bytes = Array("abc".utf8)
        first.begin()
        first.update(bytes.span)
        var second = try first.another()
        let other = second.digest(bytes.span)
        let own = first.finish()
        #expect(own == other)
        #expect(own.hexText.hasPrefix("ba7816bf8f01cfea"))
    }

    /// FIPS 180-2 appendix B, and the empty text.
    @Test(
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ] as [(String, String)])
    func `the standard's examples have their digests`(text: String, digest: String) throws {
        let library = try CryptoLibrary()
        var sha = try SHA256(library)
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            sha.begin()
            sha.update(bytes.span.extracting(first: split))
            sha.update(bytes.span.extracting(droppingFirst: split))
            let halves = sha.finish()
            #expect(hex(halves) == digest, "split at \(split)")
        }
        let whole = sha.digest(bytes.span)
        #expect(hex(whole) == digest)
    }

    @Test func `a digest begun and left does not show in the next`() throws {
        let library = try CryptoLibrary()
        var sha = try SHA256(library)
        sha.update([1, 2, 3].span)
        let digest = sha.digest(Array("abc".utf8).span)
        #expect(digest.words.0 == 0xba78_16bf_8f01_cfea)
    }

    @Test func `a digest of what was added so far disturbs nothing`() throws {
        let library = try CryptoLibrary()
        var sha = try SHA256(library)
        sha.begin()
        sha.update(Array("abc".utf8).span)
        let early = try sha.soFar()
        sha.update(Array("d".utf8).span)
        let late = sha.finish()
        let digests = [sha.digest(Array("abc".utf8).span), sha.digest(Array("abcd".utf8).span)]
        #expect([early, late] == digests)
    }

    @Test func `functions called by name and through the provider agree`() throws {
        let library = try CryptoLibrary()
        var named = try SHA256(library)
        var provided = try SHA256(library, throughProvider: true)
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for count in bytes.indices {
            let one = named.digest(bytes.span.extracting(first: count))
            let other = provided.digest(bytes.span.extracting(first: count))
            #expect(one == other, "\(count) bytes")
        }
        provided.begin()
        provided.update(bytes.span)
        let early = try provided.soFar()
        let late = provided.finish()
        #expect(early == late)
    }

    private func hex(_ digest: Digest256) -> String {
        var buffer = ByteBuffer(capacity: 64)
        buffer.write { $0.appendHex(digest) }
        let span = buffer.span
        return String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self)
    }
}

@Suite struct RandomBytesTests {
    @Test func `bytes come in the number asked for, and differ`() {
        #expect(RandomBytes.bytes(0).isEmpty)
        let one = RandomBytes.bytes(32)
        #expect(one.count == 32)
        #expect(one != RandomBytes.bytes(32))
        #expect(RandomBytes.number() != RandomBytes.number())
    }
}
