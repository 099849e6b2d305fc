import Crypto
import Primitives
import TLS
import Testing

@Suite struct ClientHelloFingerprintTests {
    /// Chrome's lists in FoxIO's description of JA4.
    static let chrome = ClientHelloText(
        ciphers: "0a0a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
        extensions: "dada,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,"
            + "000a,0015,fafa",
        signatureAlgorithms: "0403,0804,0401,0503,0805,0501,0806,0601",
        versions: "3a3a,0304,0303", protocols: ["6832", "687474702f312e31"])

    private func fingerprint(_ message: [UInt8]) throws -> String? {
        let library = try CryptoLibrary()
        var digests = try SHA256(library)
        var buffer = ByteBuffer(capacity: ClientHelloFingerprint.byteCount)
        let isWritten = buffer.write { writer in
            ClientHelloFingerprint.write(message.span, digests: &digests, into: &writer)
        }
        let text = buffer.span.text()
        #expect(text.utf8.count == (isWritten ? ClientHelloFingerprint.byteCount : 0))
        return isWritten ? text : nil
    }

    @Test func `the example of the specification has its fingerprint`() throws {
        let text = try fingerprint(Self.chrome.message)
        #expect(text == "t13d1516h2_8daaf6152771_e5627efa2ab1")
    }

    @Test func `without signature algorithms the list ends without an underscore`() throws {
        var hello = Self.chrome
        hello.signatureAlgorithms = ""
        let text = try fingerprint(hello.message)
        #expect(text == "t13d1516h2_8daaf6152771_6d807ffa2a79")
    }

    /// Captures that FoxIO publishes with its own implementations' results.
    @Test(
        arguments: [
            (
                "t12d190800_d83cc789557e_7af1ed941c26", "", "",
                """
                c02c,c02b,c030,c02f,c024,c023,c028,c027,c00a,c009,c014,c013,009d,009c,003d,003c,\
                0035,002f,000a
                """, "0000,0005,000a,000b,000d,0023,0017,ff01",
                "0804,0805,0806,0401,0501,0201,0403,0503,0203,0202,0601,0603"
            ),
            (
                "t13d1615h2_46e7e9700bed_45f260be83e2", "0304,0303", "6832",
                """
                1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035,000a
                """, "0000,0017,ff01,000a,000b,0023,0010,0005,000d,0012,0033,002d,002b,001b,0015",
                "0403,0804,0401,0503,0805,0501,0806,0601,0201"
            ),
            (
                "t13d1516h2_8daaf6152771_9b887d9acb53", "0304", "6832",
                "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
                """
                000d,0010,0000,000b,0023,4469,ff01,0033,000a,002d,002b,0005,0017,0012,001b,0029
                """, "0403,0804,0401,0503,0805,0501,0806,0601"
            ),
            (
                // GREASE among the signature algorithms.
                "t13d1517h2_8daaf6152771_cb7bf5808d99", "0304", "6832",
                "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
                """
                fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,\
                0012
                """, "7a7a,0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601"
            ),
        ] as [(String, String, String, String, String, String)])
    func `published captures have their fingerprints`(
        expected: String, versions: String, protocols: String, ciphers: String,
        extensions: String, algorithms: String
    ) throws {
        let hello = ClientHelloText(
            ciphers: ciphers, extensions: extensions, signatureAlgorithms: algorithms,
            versions: versions, protocols: protocols.isEmpty ? [] : [protocols])
        let text = try fingerprint(hello.message)
        #expect(text == expected)
    }

    @Test(
        arguments: [
            ([], "00"), ([""], "00"), (["6832"], "h2"), (["687474702f312e31"], "h1"),
            (["78"], "xx"), (["ab"], "ab"), (["abcd"], "ad"), (["30ab"], "3b"),
            (["3031abcd"], "3d"), (["30abcd31"], "01"), (["2f39"], "29"), (["41", "6832"], "AA"),
        ] as [([String], String)])
    func `the protocol is shown by its first and last character`(
        protocols: [String], shown: String
    ) throws {
        var hello = Self.chrome
        hello.protocols = protocols
        let text = try #require(try fingerprint(hello.message))
        #expect(text.dropFirst(8).prefix(2) == shown)
    }

    @Test(
        arguments: [
            (0x0303, "0a0a,0304,0303", "13"), (0x0303, "0303,0302", "12"),
            (0x0303, "0a0a", "00"), (0x0303, "7f1c", "00"), (0x0303, nil, "12"),
            (0x0302, nil, "11"), (0x0301, nil, "10"), (0x0300, nil, "s3"), (0x0002, nil, "s2"),
            (0xFEFF, nil, "d1"), (0xFEFD, nil, "d2"), (0xFEFC, nil, "d3"), (0x0000, nil, "00"),
        ] as [(UInt16, String?, String)])
    func `the version is the newest of the extension, else the old field`(
        legacy: UInt16, versions: String?, shown: String
    ) throws {
        let hello = ClientHelloText(
            legacyVersion: legacy, extensions: versions == nil ? "0000" : "0000,002b",
            versions: versions ?? "")
        let text = try #require(try fingerprint(hello.message))
        #expect(text.dropFirst().prefix(2) == shown)
    }

    @Test func `lists of nothing have twelve zeros`() throws {
        let bare = ClientHelloText(ciphers: "", extensions: "")
        #expect(try fingerprint(bare.message) == "t12i000000_000000000000_000000000000")
        // Server name and protocols count, but are in no digest; GREASE is nothing.
        let named = ClientHelloText(ciphers: "fafa", extensions: "0000,0010,1a1a")
        #expect(try fingerprint(named.message) == "t12d0002h2_000000000000_000000000000")
    }

    @Test func `counts end at 99, and a list that nobody sends is digested in part`() throws {
        func hello(_ count: Int) -> ClientHelloText {
            let numbers = (0..<count).map { place in
                let digits = String(0x1000 + (place &* 7919) % 0x0800, radix: 16)
                return String(repeating: "0", count: 4 - digits.count) + digits
            }
            return ClientHelloText(ciphers: numbers.joined(separator: ","))
        }
        let short = try #require(try fingerprint(hello(100).message))
        #expect(short.prefix(10) == "t12i990000")
        let full = try #require(try fingerprint(hello(512).message))
        let longer = try #require(try fingerprint(hello(2000).message))
        #expect(full == longer && full != short)
    }

    @Test func `the order of ciphers and extensions does not matter`() throws {
        var hello = Self.chrome
        func reversed(_ list: String) -> String {
            list.split(separator: ",").reversed().joined(separator: ",")
        }
        hello.ciphers = reversed(hello.ciphers)
        hello.extensions = reversed(hello.extensions)
        #expect(try fingerprint(hello.message) == fingerprint(Self.chrome.message))
        hello.signatureAlgorithms = reversed(hello.signatureAlgorithms)
        #expect(try fingerprint(hello.message) != fingerprint(Self.chrome.message))
    }

    @Test func `a message that is cut off or goes on has none`() throws {
        let message = Self.chrome.message
        for count in 0..<message.count {
            let cut = Array(message.prefix(count))
            #expect(try fingerprint(cut) == nil, "\(count) bytes")
        }
        #expect(try fingerprint(message + [0]) == nil)
        #expect(try fingerprint([2] + message.dropFirst()) == nil)
    }

    @Test func `nothing is written where it has no room`() throws {
        let library = try CryptoLibrary()
        var digests = try SHA256(library)
        var buffer = ByteBuffer(capacity: ClientHelloFingerprint.byteCount - 1)
        let message = Self.chrome.message
        let isWritten = buffer.write { writer in
            ClientHelloFingerprint.write(message.span, digests: &digests, into: &writer)
        }
        #expect(!isWritten && buffer.count == 0)
    }
}
