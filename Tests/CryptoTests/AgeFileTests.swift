import Crypto
import Foundation
import Primitives
import Testing

/// age files against Debian's age, and against every changed byte.
@Suite struct AgeFileTests {
    /// The identity of C2SP's test vectors (CCTV, age/testdata).
    static let vectorIdentity = Array(
        "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6".utf8)
    static let vectorHeader = """
        age-encryption.org/v1
        -> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc
        EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U
        --- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0

        """

    /// What Debian's age 1.1.1 made of "made by age" for that identity.
    static let madeByAge = """
        YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBXSlVZMXhGWlZOTXpDWitlSUJQdjVQRTVTMmp0\
        NFVwTGVibmF3MFZLcHpjClMzN1UvRVFORDdBOU5rTjZxclQxdHNjQjBycUNERDJjWVRKNmtqU1BhTUkK\
        LS0tIFN6UE45Rk1uYWdMdDJpZkpORVEwdHF6eGVWWERMcTE0cHlDQytidUZzZFkKk+DI9iAjbHEusdu3\
        RiHZ+YFID7fJXQT925COU5RBzYj9lQfAk3sbo/k0yw==
        """

    private func text(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
    }

    private func seal(_ text: [UInt8], _ recipients: [AgeRecipient]) throws -> [UInt8] {
        try AgeFile.encrypt(text.span, to: recipients)
    }

    @discardableResult
    private func open(_ file: [UInt8], _ identities: [AgeIdentity]) throws -> [UInt8] {
        try AgeFile.decrypt(file.span, identities: identities)
    }

    @Test(arguments: [0, 1, 65535, 65536, 65537, 131072, 200_000])
    func `what was encrypted comes back, of the length that was foretold`(count: Int) throws {
        let identity = try AgeIdentity.generate().identity
        let other = try AgeIdentity.generate().identity
        let plain = text(count)
        for recipients in [[identity.recipient], [other.recipient, identity.recipient]] {
            let file = try seal(plain, recipients)
            #expect(
                file.count
                    == AgeFile.byteCount(plainCount: count, recipients: recipients.count))
            #expect(try open(file, [identity]) == plain)
        }
    }

    @Test func `each recipient opens the file, nobody else does`() throws {
        let keys = try (0..<3).map { _ in try AgeIdentity.generate().identity }
        let stranger = try AgeIdentity.generate().identity
        let file = try seal(text(100), keys.map(\.recipient))
        for key in keys {
            #expect(try open(file, [stranger, key]) == text(100))
        }
        #expect(throws: CryptoError.ageFileForOthers) {
            try open(file, [stranger])
        }
    }

    @Test func `a changed, missing or added byte is noticed`() throws {
        let key = try AgeIdentity.generate().identity
        let file = try seal(text(70), [key.recipient])
        for position in file.indices {
            for bit in [UInt8(1), 0x20, 0x80] {
                var changed = file
                changed[position] ^= bit
                #expect(throws: CryptoError.self, "byte \(position)") {
                    try open(changed, [key])
                }
            }
            #expect(throws: CryptoError.self, "cut at \(position)") {
                try open(Array(file[..<position]), [key])
            }
        }
        #expect(throws: CryptoError.self) {
            try open(file + [0], [key])
        }
    }

    @Test func `chunks can't be left out or swapped`() throws {
        let key = try AgeIdentity.generate().identity
        let file = try seal(text(3 * 65536), [key.recipient])
        let start = file.count - 3 * (65536 + 16)
        let chunks = (0..<3).map { file[(start + $0 * 65552)..<(start + ($0 + 1) * 65552)] }
        for order in [[0, 1], [0, 2], [1, 0, 2], [0, 1, 2, 2], [2]] {
            let changed = Array(file[..<start]) + order.flatMap { chunks[$0] }
            #expect(throws: CryptoError.ageFileChanged) {
                try open(changed, [key])
            }
        }
    }

    @Test func `a file that age made opens`() throws {
        let decoded = Base64.decode(Array(Self.madeByAge.utf8).span)
        let file = try #require(decoded)
        let plain = try open(file, [AgeIdentity(Self.vectorIdentity)])
        #expect(String(decoding: plain, as: UTF8.self) == "made by age")
    }

    @Test func `the header of C2SP's vector opens`() throws {
        let identity = try AgeIdentity(Self.vectorIdentity)
        let header = Array(Self.vectorHeader.utf8)
        // The key is found and the header's MAC holds; only the payload is not there.
        #expect(throws: CryptoError.ageFileMalformed) {
            try open(header, [identity])
        }
        let changed = Array(
            Self.vectorHeader.replacingOccurrences(of: "--- V", with: "--- W").utf8)
        #expect(throws: CryptoError.ageFileChanged) {
            try open(changed, [identity])
        }
    }

    @Test(arguments: [
        ("age-encryption.org/v1", "age-encryption.org/v2"), ("\n--- ", "\n---"),
        ("-> X25519", "->X25519"), ("-> X25519 ", "-> X25519  "), ("DOCc\n", "DOCc=\n"),
        ("DOCc\n", "DOCd\n"), ("w7U\n", "w7V\n"), ("w7U\n", "w7U \n"), ("\n", "\r\n"),
        ("-> X25519 TEiF", "-> X25519 x TEiF"),
    ])
    func `a header in another form is refused`(change: (from: String, to: String)) throws {
        let identity = try AgeIdentity(Self.vectorIdentity)
        let text = Self.vectorHeader.replacingOccurrences(of: change.from, with: change.to)
        #expect(throws: CryptoError.ageFileMalformed) {
            let bytes = Array(text.utf8) + [UInt8](repeating: 0, count: 32)
            return try open(bytes, [identity])
        }
    }

    @Test func `recipients and identities have one form`() throws {
        let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
        #expect(try AgeRecipient(recipient).text == recipient)
        for wrong in [
            "", "age1", recipient.uppercased(), String(recipient.dropLast()), recipient + "q",
            recipient.replacingOccurrences(of: "zvk", with: "zvq"), "Age1" + recipient.dropFirst(4),
            " " + recipient,
            // A point of low order.
            Bech32.encode([UInt8](repeating: 0, count: 32), prefix: "age"),
            Bech32.encode([UInt8](repeating: 9, count: 31), prefix: "age"),
        ] {
            #expect(throws: CryptoError.recipientMalformed, "\(wrong)") { try AgeRecipient(wrong) }
        }
        #expect(throws: CryptoError.identityMalformed) { try AgeIdentity(Array(recipient.utf8)) }
    }

    @Test func `an identity file has comments, blank lines and several identities`() throws {
        let (first, text) = try AgeIdentity.generate()
        let second = try AgeIdentity.generate().text
        let file = "# created: today\n# public key: x\n\(text)\r\n\n\(second)\n"
        let found = try AgeIdentity.list(in: Array(file.utf8)).get()
        #expect(found.map(\.recipient).first == first.recipient && found.count == 2)
        let wrong = AgeIdentity.list(in: Array("\(text)\nage1x\n".utf8))
        guard case .failure(let error) = wrong, error.line == 2 else {
            Issue.record("the second line is no identity")
            return
        }
    }
}
