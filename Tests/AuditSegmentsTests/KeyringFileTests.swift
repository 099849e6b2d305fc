import AuditRecords
import AuditSegments
import Crypto
import Primitives
import Testing

@Suite struct KeyringFileTests {
    private func bytes(_ row: KeyRow) -> [UInt8] {
        let bytes = row.bytes
        return (0..<KeyRow.byteCount).map { bytes[$0] }
    }

    @Test func `a row comes back, and a changed one does not`() {
        let row = KeyRow(
            place: Digest256(words: (1, 2, 3, 4)), created: WallTime(microseconds: 123_456))
        let written = bytes(row)
        let read = KeyRow(written.span)
        #expect(read == row)
        for place in written.indices {
            var changed = written
            changed[place] ^= 0x10
            let damaged = KeyRow(changed.span)
            #expect(damaged == nil)
        }
        let erased = [UInt8](repeating: 0, count: KeyRow.byteCount)
        let gone = KeyRow(erased.span)
        #expect(gone == nil)
    }

    @Test func `a key depends on the row, its epoch and the wrapping key`() throws {
        let library = try CryptoLibrary()
        func key(_ row: KeyRow, epoch: UInt64, wrapping byte: UInt8) throws -> Digest256 {
            let secret = [UInt8](repeating: byte, count: 32)
            var wrapping = try MessageAuthentication(key: secret.span, library: library)
            return row.key(epoch: epoch, wrapping: &wrapping)
        }
        let row = KeyRow(place: .zero, created: WallTime(microseconds: 1))
        let first = try key(row, epoch: 1, wrapping: 1)
        #expect(try key(row, epoch: 1, wrapping: 1) == first)
        #expect(try key(row, epoch: 2, wrapping: 1) != first)
        #expect(try key(row, epoch: 1, wrapping: 2) != first)
        var other = row
        other.secret = Digest256(words: (1, 2, 3, 4))
        #expect(try key(other, epoch: 1, wrapping: 1) != first)
    }

    @Test func `a file has its rows, without those that were erased or are not whole`() {
        let rows = (0..<3).map { KeyRow(place: .zero, created: WallTime(microseconds: $0)) }
        var file = KeyringFile.head(epoch: 7)
        for row in rows { file += bytes(row) }
        #expect(KeyringFile.rows(file, epoch: 7) == rows)
        #expect(KeyringFile.rows(file, epoch: 8) == nil)
        #expect(KeyringFile.rows(Array(file[..<20]), epoch: 7) == nil)
        let start = KeyringFile.offset(row: 1)
        for place in start..<start + KeyRow.byteCount { file[place] = 0 }
        #expect(KeyringFile.rows(file + [1, 2, 3], epoch: 7) == [rows[0], nil, rows[2]])
    }

    @Test func `names of files`() {
        #expect(KeyringFile.name(epoch: 12) == "00000000000000000012.keys")
        #expect(KeyringFile.epoch(of: "00000000000000000012.keys") == 12)
        for name in [
            "12.keys", "00000000000000000012.key", "wrapping.key", "+0000000000000000012.keys",
        ] {
            #expect(KeyringFile.epoch(of: name) == nil)
        }
    }

    @Test(arguments: ["", "\n"])
    func `a wrapping key is 64 hexadecimal digits`(end: String) throws {
        let text = Array((String(repeating: "0f", count: 32) + end).utf8)
        let read = KeyringFile.wrappingKey(text.span)
        let key = try #require(read)
        let last = key.bytes[31]
        #expect(key.count == 32)
        #expect(last == 0x0F)
    }

    @Test(arguments: [
        "", "0f", String(repeating: "0F", count: 32), String(repeating: "0g", count: 32),
        String(repeating: "0f", count: 33), String(repeating: "0f", count: 32) + " ",
    ])
    func `anything else is none`(text: String) {
        let bytes = Array(text.utf8)
        let key = KeyringFile.wrappingKey(bytes.span)
        #expect(key === nil)
    }
}

@Suite struct PseudonymKeyTests {
    @Test func `values, members and keys have different pseudonyms`() throws {
        let library = try CryptoLibrary()
        let secret = [UInt8](repeating: 1, count: 32)
        var wrapping = try MessageAuthentication(key: secret.span, library: library)
        var hash = try SHA256(library)
        let row = KeyRow(place: .zero, created: WallTime(microseconds: 1))
        var key = try PseudonymKey(row: row, epoch: 1, wrapping: &wrapping, library: library)
        var next = try PseudonymKey(row: row, epoch: 2, wrapping: &wrapping, library: library)
        let alice = Array("alice".utf8)
        let bob = Array("bob".utf8)
        let pseudonym = key.digest("sub", alice.span).pseudonym
        #expect(pseudonym.utf8.count == PseudonymKey.textBytes)
        var others = [
            key.digest("sub", bob.span), key.digest("jti", alice.span),
            next.digest("sub", alice.span), key.digest(PseudonymKey.place, alice.span),
        ].map(\.pseudonym)
        // The address ::616c:6963:65… is not the text that its bytes are.
        others.append(key.digest(Identifier128(high: 0, low: 1)).pseudonym)
        #expect(Set(others + [pseudonym]).count == 6)
        let short = key.digest("sub", alice, of: .subject, hash: &hash)
        #expect(short.pseudonym == pseudonym)
        let long = [UInt8](repeating: 0x61, count: 300)
        let whole = hash.digest(long.span).inlineBytes
        let cut = key.digest("sub", cut: whole.span)
        let longest = key.digest("sub", long, of: .subject, hash: &hash)
        #expect(longest == cut)
    }
}
