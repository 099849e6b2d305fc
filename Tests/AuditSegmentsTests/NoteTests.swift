import AuditSegments
import Crypto
import Primitives
import Testing

@Suite struct NoteTests {
    @Test func `the vectors' key has its one text`() throws {
        let key = try Vectors.key()
        let text = String(decoding: try Vectors.bytes("vkey"), as: UTF8.self)
        #expect(key.name == "audit.example/proxy-1")
        #expect(key.text == text)
        let again = try NoteKey(name: key.name, publicKey: try Vectors.signingKey().publicKey)
        #expect(again == key)
    }

    @Test func `any change of a key's text is refused`() throws {
        let text = Array(try Vectors.bytes("vkey"))
        for position in text.indices {
            var other = text
            other[position] ^= 1
            #expect(throws: EvidenceError.self, "byte \(position)") {
                _ = try NoteKey(String(decoding: other, as: UTF8.self))
            }
        }
        #expect(throws: EvidenceError.nameMalformed) {
            _ = try NoteKey(name: "two words", publicKey: [UInt8](repeating: 0, count: 32))
        }
    }

    @Test(arguments: Vectors.roots) func `the vectors' notes are reproduced`(
        size: UInt64, root: String
    ) throws {
        let note = try Vectors.bytes("cp\(size).note")
        let checkpoint = try Checkpoint(note: note, key: try Vectors.key())
        #expect(checkpoint.size == size)
        #expect(checkpoint.root == Vectors.digest(base64: root))
        var signer = try CheckpointSigner(
            origin: checkpoint.origin, signingKey: try Vectors.signingKey())
        let signed = try signer.sign(size: size, root: checkpoint.root)
        #expect(signed == note)
        #expect(try Vectors.bytes("log\(size)/checkpoint") == note)
    }

    @Test func `a note with any bit flipped is refused`() throws {
        let note = try Vectors.bytes("cp300.note")
        let key = try Vectors.key()
        for position in 0..<note.count * 8 {
            var other = note
            other[position / 8] ^= 1 << UInt8(position % 8)
            #expect(throws: EvidenceError.self, "bit \(position)") {
                _ = try Checkpoint(note: other, key: key)
            }
        }
    }

    @Test func `lines of other keys are ignored, a missing or second line is not`() throws {
        let key = try Vectors.key()
        var note = try SignedNote(try Vectors.bytes("cp5.note"))
        var foreign = note.lines[0]
        foreign.name = "witness.example"
        note.lines.insert(foreign, at: 0)
        try SignedNote(note.bytes).verify(key)
        note.lines.removeLast()
        #expect(throws: EvidenceError.signatureMissing) { try note.verify(key) }
        note = try SignedNote(try Vectors.bytes("cp5.note"))
        note.lines.append(note.lines[0])
        #expect(throws: EvidenceError.noteMalformed) { try note.verify(key) }
    }

    @Test func `a signer never contradicts itself`() throws {
        var signer = try CheckpointSigner(origin: "log", signingKey: try Vectors.signingKey())
        let root = Digest256(words: (1, 2, 3, 4))
        let first = try signer.sign(size: 10, root: root)
        let second = try signer.sign(size: 10, root: root)
        #expect(first == second)
        #expect(throws: EvidenceError.signingWouldFork) {
            _ = try signer.sign(size: 9, root: root)
        }
        #expect(throws: EvidenceError.signingWouldFork) {
            _ = try signer.sign(size: 10, root: .zero)
        }
        _ = try signer.sign(size: 11, root: .zero)
    }

    @Test(arguments: [
        "log\n5\n\n", "log\n05\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "log\n5\nAAAA\n", "log\n-5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "log\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", "log\n5\n", "",
    ])
    func `another text is no checkpoint`(text: String) {
        #expect(throws: EvidenceError.checkpointMalformed) {
            _ = try Checkpoint(text: Array(text.utf8))
        }
    }
}

@Suite struct TransparencyProofTests {
    @Test(arguments: [nil, [1, 2, 3]] as [[UInt8]?])
    func `a proof holds for its entry, and survives its text`(extra: [UInt8]?) throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        let source: TileSource = { try? Vectors.bytes("log300/\($0.text)") }
        let hashes = try TreeProof.inclusion(
            index: 123, size: 300, tiles: source, hasher: &hasher)
        let proof = TransparencyProof(
            index: 123, hashes: hashes, note: try Vectors.bytes("cp300.note"), extra: extra)
        let parsed = try TransparencyProof(proof.bytes)
        #expect(parsed == proof)
        let entries = try Vectors.entries()
        let checkpoint = try parsed.verify(
            entry: entries[123], key: try Vectors.key(), hasher: &hasher)
        #expect(checkpoint.size == 300)
        #expect(throws: EvidenceError.proofFails) {
            _ = try parsed.verify(entry: entries[124], key: Vectors.key(), hasher: &hasher)
        }
    }

    @Test func `a proof with any bit flipped does not hold`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        let source: TileSource = { try? Vectors.bytes("log5/\($0.text)") }
        let hashes = try TreeProof.inclusion(index: 4, size: 5, tiles: source, hasher: &hasher)
        let bytes = TransparencyProof(
            index: 4, hashes: hashes, note: try Vectors.bytes("cp5.note")
        ).bytes
        let entry = try Vectors.entries()[4]
        let key = try Vectors.key()
        for position in 0..<bytes.count * 8 {
            var other = bytes
            other[position / 8] ^= 1 << UInt8(position % 8)
            #expect(throws: EvidenceError.self, "bit \(position)") {
                _ = try TransparencyProof(other).verify(entry: entry, key: key, hasher: &hasher)
            }
        }
    }
}
