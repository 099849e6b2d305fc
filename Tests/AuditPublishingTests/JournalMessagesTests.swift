import AuditRecords
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

    private func record(
        _ core: String, _ subject: String = "{}", _ detail: String = "{}",
        kind: RecordKind = .combined, outcome: Outcome = .deny
    ) throws -> [String] {
        let parts = [core, subject, detail].map { Array($0.utf8) }
        let ends = parts.indices.map { parts[...$0].reduce(0) { $0 + $1.count } }
        let record = PublishedRecord(
            kind: kind, index: 9, outcome: outcome, text: Array(parts.joined()),
            parts: RecordParts(
                core: ByteRange(start: 0, count: ends[0]),
                subject: ByteRange(start: ends[0], count: parts[1].count),
                detail: ByteRange(start: ends[1], count: parts[2].count)))
        #expect(record.part(2) == parts[2])
        let made = JournalMessages.entry(record, origin: "o/0123456789abcdef")
        return String(decoding: made.bytes, as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    @Test func `a record is a line for people, and a field for each of its facts`() throws {
        let fields = try record(
            #"{"auth":{"issuer":"corp"},"boot":"b0","bytes":{"in":1,"out":2},"listener":"public","#
                + #""method":"GET","outcome":"deny","reason":"authz.role_missing","#
                + #""request_id":"ab","route":"orders","seq":7,"status":403,"ts":5,"#
                + #""us":{"total":12},"worker":1}"#,
            #"{"client_id":"app","peer_ip":"127.0.0.1","sub":"al\"ice"}"#,
            #"{"authority":"api.test","path":"/v1/x","user_agent":"a%0Ab"}"#)
        #expect(
            fields == [
                "MESSAGE=deny 403 authz.role_missing: GET api.test/v1/x from 127.0.0.1 for al\"ice",
                "MESSAGE_ID=\(JournalMessages.recordIdentifier)", "PRIORITY=5",
                "SYSLOG_IDENTIFIER=sallyport", "SALLYPORT_EVENT=request",
                "SALLYPORT_ORIGIN=o/0123456789abcdef", "SALLYPORT_INDEX=9",
                "SALLYPORT_OUTCOME=deny", "SALLYPORT_RECEIPT=0123456789abcdef.b0.1.7",
                "SALLYPORT_TIMESTAMP=5", "SALLYPORT_REQUEST_ID=ab",
                "SALLYPORT_REASON=authz.role_missing", "SALLYPORT_STATUS=403",
                "SALLYPORT_METHOD=GET", "SALLYPORT_AUTHORITY=api.test", "SALLYPORT_PATH=/v1/x",
                "SALLYPORT_USER_AGENT=a%0Ab", "SALLYPORT_LISTENER=public",
                "SALLYPORT_ROUTE=orders", "SALLYPORT_ISSUER=corp", "SALLYPORT_BYTES_IN=1",
                "SALLYPORT_BYTES_OUT=2", "SALLYPORT_DURATION_US=12",
                "SALLYPORT_CLIENT=127.0.0.1", "SALLYPORT_PEER=127.0.0.1",
                "SALLYPORT_SUBJECT=al\"ice", "SALLYPORT_CLIENT_ID=app",
            ])
    }

    @Test func `what is covered or sealed in the log is so in the journal`() throws {
        let covered = try record(
            "{}",
            #"{"address_key":"0a","client_ip":"77","peer_ip":"88","sub":"99","subject_key":"0b"}"#)
        for field in [
            "SALLYPORT_CLIENT=77", "SALLYPORT_PEER=88", "SALLYPORT_SUBJECT=99",
            "SALLYPORT_ADDRESS_KEY=0a", "SALLYPORT_SUBJECT_KEY=0b",
        ] { #expect(covered.contains(field)) }
        let sealed = try record("{}", #"{"sealed":"AAAA","subject_key":"0b"}"#)
        #expect(sealed.last == "SALLYPORT_SUBJECT_KEY=0b")
        #expect(!sealed.contains { $0.contains("AAAA") || $0.contains("SUBJECT=") })
    }

    @Test(arguments: [
        (RecordKind.combined, Outcome.allow, "client", 6, "request"),
        (.decision, .deny, "", 5, "decision"), (.completion, .throttle, "", 5, "completion"),
        (.authentication, .error, "client", 5, "handshake"),
        (.combined, .error, "upstream", 4, "request"),
    ])
    func `an error that is not the client's is a warning, what was refused a notice`(
        kind: RecordKind, outcome: Outcome, source: String, priority: Int, word: String
    ) throws {
        let fields = try record(
            "{\"error\":{\"source\":\"\(source)\"}}", kind: kind, outcome: outcome)
        #expect(fields.contains("PRIORITY=\(priority)"))
        #expect(fields.contains("SALLYPORT_EVENT=\(word)"))
        #expect(fields[0].hasPrefix("MESSAGE=\(outcome.word):"))
    }
}
