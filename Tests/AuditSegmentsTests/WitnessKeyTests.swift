import Crypto
import Primitives
import Testing

@testable import AuditSegments

@Suite struct WitnessKeyTests {
    /// A witness's key, its `vkey` and what it makes of a note.
    struct Signer: ~Copyable {
        let key: SigningKey
        let name: String
        let identifier: UInt32

        init(name: String) throws {
            let made = try SigningKey(seed: Array(UInt8(7)..<39).span)
            var sha = try SHA256(try CryptoLibrary())
            let digest = sha.digest((Array(name.utf8) + [0x0A, 0x04] + made.publicKey).span)
            key = made
            self.name = name
            identifier = UInt32(truncatingIfNeeded: digest.words.0 >> 32)
        }

        var text: String {
            let digits = String(identifier, radix: 16)
            let id = String(repeating: "0", count: 8 - digits.count) + digits
            return "\(name)+\(id)+\(Base64.encode(([0x04] + key.publicKey).span))"
        }

        func line(over text: [UInt8], seconds: UInt64) throws -> SignedNote.Line {
            let message = Array("cosignature/v1\ntime \(seconds)\n".utf8) + text
            let time = (0..<8).map { UInt8(truncatingIfNeeded: seconds >> (56 - 8 * UInt64($0))) }
            return SignedNote.Line(
                name: name, identifier: identifier, signature: time + (try key.sign(message.span)))
        }
    }

    @Test func `a cosignature holds for its note, its time and its key`() throws {
        let signer = try Signer(name: "witness.example/w1")
        let key = try WitnessKey(signer.text)
        #expect(key.text == signer.text && key.name == "witness.example/w1")
        #expect(key.identifierText == signer.text.split(separator: "+")[1])
        #expect(LogLayout.cosigned(by: key) == "tlog/witness/\(key.identifierText)")
        let text = Checkpoint(origin: "o", size: 5, root: .zero).text
        let line = try signer.line(over: text, seconds: 1_795_000_000)
        #expect(try key.verify(SignedNote(text: text, lines: [line])) == 1_795_000_000)
        let whole = try SignedNote(SignedNote(text: text, lines: [line]).bytes)
        #expect(try key.verify(whole) == 1_795_000_000)
        let other = Checkpoint(origin: "o", size: 6, root: .zero).text
        #expect(throws: EvidenceError.signatureWrong) {
            try key.verify(SignedNote(text: other, lines: [line]))
        }
        for place in [0, 7, 8, 71] {
            var changed = line
            changed.signature[place] ^= 1
            #expect(throws: EvidenceError.signatureWrong) {
                try key.verify(SignedNote(text: text, lines: [changed]))
            }
        }
        var short = line
        short.signature.removeLast()
        #expect(throws: EvidenceError.noteMalformed) {
            try key.verify(SignedNote(text: text, lines: [short]))
        }
        #expect(throws: EvidenceError.noteMalformed) {
            try key.verify(SignedNote(text: text, lines: [line, line]))
        }
        var stranger = line
        stranger.name = "witness.example/w2"
        #expect(throws: EvidenceError.signatureMissing) {
            try key.verify(SignedNote(text: text, lines: [stranger]))
        }
    }

    @Test func `a key is one text of the right type`() throws {
        let text = try Signer(name: "w").text
        let log = try NoteKey(name: "w", publicKey: [UInt8](repeating: 1, count: 32)).text
        let pieces = text.split(separator: "+", maxSplits: 2).map(String.init)
        let wrong = [
            log, "", "w", "w+00000000+\(pieces[2])", "+\(pieces[1])+\(pieces[2])",
            "w+\(pieces[1].uppercased())+\(pieces[2])", "w+\(pieces[1])+\(pieces[2].dropLast(4))",
            "v+\(pieces[1])+\(pieces[2])", text + "=",
        ]
        for one in wrong where one != text {
            #expect(throws: EvidenceError.verifierKeyMalformed) { try WitnessKey(one) }
        }
    }
}
