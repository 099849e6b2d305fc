import AuditSegments
import AuditWriter
import Crypto
import Primitives
import Testing

@testable import AuditPublishing

@Suite struct JournalMessagesTests {
    @Test func `a value without a line feed stands in a line, another with its length`() {
        var entry = JournalEntry("m", identifier: "i", priority: .warning)
        let start = entry.bytes.count
        entry.add("A", "b=c")
        entry.add("D", "e\nFORGED=1\n")
        entry.add("G", "")
        let text = String(decoding: entry.bytes.dropFirst(start), as: UTF8.self)
        #expect(text == "A=b=c\nD\n\u{B}\0\0\0\0\0\0\0e\nFORGED=1\n\nG=\n")
        let head = String(decoding: entry.bytes.prefix(start), as: UTF8.self)
        #expect(
            head == "MESSAGE=m\nMESSAGE_ID=i\nPRIORITY=4\nSYSLOG_IDENTIFIER=sallyport\n")
    }

    @Test func `a checkpoint is sent whole, with its parts beside it`() throws {
        var signer = try CheckpointSigner(
            origin: "test.example/log", signingKey: try SigningKey.generate())
        let note = try signer.sign(size: 7, root: .zero)
        let made = JournalMessages.entry(.checkpoint(note: note), origin: "")
        let text = String(decoding: try #require(made).bytes, as: UTF8.self)
        let root = Base64.encode([UInt8](repeating: 0, count: 32).span)
        #expect(text.contains("SALLYPORT_ORIGIN=test.example/log\nSALLYPORT_TREE_SIZE=7\n"))
        #expect(text.contains("SALLYPORT_ROOT=\(root)\nSALLYPORT_NOTE\n"))
        #expect(text.hasSuffix(String(decoding: note, as: UTF8.self) + "\n"))
        #expect(text.contains("MESSAGE_ID=\(JournalMessages.checkpointIdentifier)\nPRIORITY=6\n"))
        #expect(JournalMessages.entry(.checkpoint(note: [1]), origin: "") == nil)
    }

    @Test(arguments: [("start", 5), ("stop", 5), ("gap", 4), ("torn", 4), ("of_later", 4)])
    func `events that belong to every day are notices, others warnings`(
        word: String, priority: Int
    ) throws {
        let event = PublishedEvent(word: word, index: 9, core: Array(#"{"v":1}"#.utf8))
        let made = JournalMessages.entry(.event(event), origin: "o")
        let text = String(decoding: try #require(made).bytes, as: UTF8.self)
        #expect(text.contains("\nPRIORITY=\(priority)\n"))
        #expect(
            text.hasSuffix(
                "SALLYPORT_EVENT=\(word)\nSALLYPORT_ORIGIN=o\nSALLYPORT_INDEX=9\n"
                    + "SALLYPORT_RECORD={\"v\":1}\n"))
    }
}
