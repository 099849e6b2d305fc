import Crypto
import Primitives
import Testing

@testable import AuditPublishing
@testable import AuditSegments

@Suite struct WitnessDialogueTests {
    private static let note = SignedNote(
        text: Checkpoint(origin: "o", size: 9, root: .zero).text,
        lines: [SignedNote.Line(name: "o", identifier: 1, signature: [1, 2])])

    private func dialogue(_ key: WitnessKey) -> WitnessDialogue {
        WitnessDialogue(key: key, note: Self.note, size: 9)
    }

    /// A witness's key, and the line that it answers.
    private func witness() throws -> (key: WitnessKey, line: String) {
        let signer = try SigningKey.generate()
        let name = "w.example"
        var sha = try SHA256(try CryptoLibrary())
        let public4 = [0x04] + signer.publicKey
        let digest = sha.digest((Array(name.utf8) + [0x0A] + public4).span)
        let id = Array(digest.bytes.prefix(4))
        let hex = id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let time: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 77]
        let message = Array("cosignature/v1\ntime 77\n".utf8) + Self.note.text
        let signature = try signer.sign(message.span)
        return (
            try WitnessKey("\(name)+\(hex)+\(Base64.encode(public4.span))"),
            "\u{2014} \(name) \(Base64.encode((id + time + signature).span))\n"
        )
    }

    @Test func `a request has the size, the proof, a blank line and the note`() throws {
        let (key, _) = try witness()
        let body = dialogue(key).body(old: 4, proof: [.zero, .zero])
        let hash = Base64.encode([UInt8](repeating: 0, count: 32).span)
        #expect(
            body == Array("old 4\n\(hash)\n\(hash)\n\n".utf8) + Self.note.bytes)
        #expect(dialogue(key).body(old: 0, proof: []).starts(with: Array("old 0\n\no\n9\n".utf8)))
    }

    @Test func `only a cosignature of this key over this note is one`() throws {
        let (key, line) = try witness()
        let (stranger, _) = try witness()
        func outcome(_ text: String, by key: WitnessKey) -> WitnessDialogue.Outcome {
            dialogue(key).outcome(
                .answered(status: 200, type: "text/plain", body: Array(text.utf8)))
        }
        guard case .cosigned(let found, let seconds) = outcome(line, by: key) else {
            Issue.record("not cosigned")
            return
        }
        #expect(seconds == 77 && found.name == "w.example")
        // Lines of others beside it mean nothing.
        let other = "\u{2014} other \(Base64.encode([1, 2, 3, 4, 5].span))\n"
        guard case .cosigned = outcome(other + line, by: key) else {
            Issue.record("not cosigned beside another")
            return
        }
        for text in ["", "\n", other, line + "x\n", String(line.dropLast()), line + line] {
            let isTwice = text == line + line
            #expect(isTwice || outcome(text, by: key) == .answerMalformed, "\(text)")
        }
        #expect(outcome(line, by: stranger) == .answerMalformed)
    }

    @Test(arguments: [
        (409, "text/x.tlog.size", "12\n", WitnessDialogue.Outcome.hasCosigned(size: 12)),
        (409, "text/x.tlog.size", "0\n", .hasCosigned(size: 0)),
        (409, "text/x.tlog.size", "012\n", .answerMalformed),
        (409, "text/x.tlog.size", "12", .answerMalformed),
        (409, "text/x.tlog.size", "-1\n", .answerMalformed),
        (409, "text/plain", "12\n", .refused(status: 409)),
        (404, "text/plain", "", .refused(status: 404)),
        (302, "text/plain", "", .refused(status: 302)),
    ])
    func `other answers mean what their status says`(
        status: Int, type: String, body: String, outcome: WitnessDialogue.Outcome
    ) throws {
        let (key, _) = try witness()
        let found = dialogue(key).outcome(
            .answered(status: status, type: type, body: Array(body.utf8)))
        #expect(found == outcome)
    }

    @Test func `no answer is none`() throws {
        let (key, _) = try witness()
        #expect(dialogue(key).outcome(.failed("why")) == .unreachable(why: "why"))
    }
}
