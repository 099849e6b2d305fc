import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct RecordStreamTests {
    @Test func `records come in order with the leaf of their index`() throws {
        let folder = try SampleFolder.finished()
        var stream = try RecordStream(folder.log)
        var index: UInt64 = 0
        while let record = try stream.next() {
            #expect(record.index == index)
            #expect(record.isCommitted)
            index += 1
        }
        #expect(index == 601)
        #expect(stream.complaints == [])
    }

    @Test(arguments: [UInt64(0), 1, 199, 200, 299, 300, 301, 599, 600])
    func `a record is found by its index`(index: UInt64) throws {
        let folder = try SampleFolder.finished()
        var stream = try RecordStream(folder.log)
        try stream.seek(to: index)
        var found: LogRecord?
        while let record = try stream.next(), record.index <= index { found = record }
        #expect(found?.index == index)
    }

    @Test func `a stream goes on when the log has grown, also into a new segment`() throws {
        var folder = try SampleFolder()
        try folder.requests(5)
        try folder.save()
        var stream = try RecordStream(folder.log)
        try stream.seek(to: 3)
        #expect(try count(&stream) == 5)
        try folder.requests(4)
        try folder.save()
        #expect(try count(&stream) == 4)
        try folder.checkpoint()
        try folder.rotate()
        try folder.requests(3)
        try folder.save()
        #expect(try count(&stream) == 3)
        #expect(try folder.log.size() == 12)
    }

    @Test func `zeros that the open segment is filled with are its end`() throws {
        var folder = try SampleFolder()
        try folder.requests(5)
        try folder.save()
        let name = "segments/\(LogLayout.segmentName(0))"
        let zeros = [UInt8](repeating: 0, count: 2 << 20)
        try folder.write(name, folder.read(name) + zeros)
        var stream = try RecordStream(folder.log)
        #expect(try count(&stream) == 5)
        #expect(try count(&stream) == 0)
        try folder.requests(4)
        try folder.save()
        try folder.write(name, folder.read(name) + zeros)
        #expect(try count(&stream) == 4)
        #expect(stream.complaints == [])
        try folder.write(name, folder.read(name) + [1])
        var other = try RecordStream(folder.log)
        #expect(try count(&other) == 9)
        #expect(other.complaints.count == 1)
    }

    @Test func `a broken frame is complained about and the next segment read`() throws {
        let folder = try SampleFolder.finished()
        let name = "segments/\(LogLayout.segmentName(0))"
        var bytes = folder.read(name)
        bytes[0] ^= 1
        try folder.write(name, bytes)
        var stream = try RecordStream(folder.log)
        #expect(try count(&stream) == 301)
        #expect(stream.complaints.count == 1)
    }

    private func count(_ stream: inout RecordStream) throws -> Int {
        var count = 0
        while try stream.next() != nil { count += 1 }
        return count
    }

    @Test(
        arguments: [
            (["--subject", "alice"], 300), (["--status", "403"], 200), (["--status", "4xx"], 200),
            (["--outcome", "deny", "--subject", "alice"], 100), (["--route", "orders"], 600),
            (["--request-id", "00000000-0000-0007-0000-000000000010"], 1),
            (["--request-id", "00000000000000070000000000000010"], 1),
            (["--text", "/orders/60"], 2), (["--text", "orders:nothing"], 0),
            (["--text", "lifecycle"], 0), (["--text", "\"event\":\"stop\""], 1),
            (["--since", "2026-11-23T20:17:36Z", "--until", "2026-11-23T20:17:46Z"], 0),
            (["--status", "5xx"], 0),
        ] as [([String], Int)])
    func `a search finds what was asked for`(arguments: [String], count: Int) throws {
        let folder = try SampleFolder.finished()
        let command = try SearchCommand.parse([folder.audit] + arguments)
        let filter = try command.filter(now: WallTime(microseconds: 0))
        var stream = try RecordStream(folder.log)
        var found = 0
        while let record = try stream.next() { found += filter.matches(record) ? 1 : 0 }
        #expect(found == count)
    }

    @Test func `a time takes in its first moment and leaves out its last`() throws {
        let folder = try SampleFolder.finished()
        var filter = RecordFilter()
        filter.since = WallTime(microseconds: SampleFolder.start + 10_000_000)
        filter.until = WallTime(microseconds: SampleFolder.start + 20_000_000)
        var stream = try RecordStream(folder.log)
        stream.since = WallTime(microseconds: SampleFolder.start + 10_000_000)
        var found: [Int64] = []
        while let record = try stream.next() {
            if filter.matches(record) { found.append(record.core.integer("seq") ?? 0) }
        }
        #expect(found == Array(10...19))
    }

    @Test func `a line is canonical JSON with all three parts`() throws {
        let folder = try SampleFolder.finished()
        var stream = try RecordStream(folder.log)
        let first = try stream.next()
        let record = try #require(first)
        let line = String(decoding: RecordLine.json(record), as: UTF8.self)
        #expect(line.hasPrefix(#"{"core":{"boot":"0000000000000b00","#))
        #expect(
            line.contains(#""detail":{"path":"/orders/1"},"index":0,"kind":"request","leaf":""#))
        #expect(
            line.hasSuffix(#""subject":{"peer_ip":"127.0.0.1","peer_port":50000,"sub":"bob"}}"#))
        let row = RecordLine.row(record)
        #expect(row.contains("GET /orders/1 [orders]"))
    }

    @Test func `a part that would leave its line is not shown`() {
        let part = StoredRecord.Part(salt: [], bytes: Array("{\"a\":\"\u{1B}[2J\"}".utf8))
        let record = LogRecord(
            index: 0, record: StoredRecord(kind: 3, parts: [part, part, part]), entry: [],
            leaf: .zero, isCommitted: true)
        let line = String(decoding: RecordLine.json(record), as: UTF8.self)
        #expect(!line.contains("\u{1B}"))
        #expect(line.hasPrefix(#"{"core":null,"detail":null"#))
    }

    @Test(arguments: [UInt64(0), 255, 256, 300, 600])
    func `a proof holds for its record and for no other`(index: UInt64) throws {
        let folder = try SampleFolder.finished()
        var stream = try RecordStream(folder.log)
        try stream.seek(to: index)
        var found = try stream.next()
        while let record = found, record.index < index { found = try stream.next() }
        let record = try #require(found)
        let key = try TrustedKeys(folder.vkey).key(for: folder.log).key
        let proof = try Evidence.prove(record, in: folder.log, key: key)
        let again = try TransparencyProof(proof.bytes)
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        #expect(try again.verify(entry: record.entry, key: key, hasher: &hasher).size == 601)
        var other = record.entry
        other[35] ^= 1
        var failed = false
        do { _ = try again.verify(entry: other, key: key, hasher: &hasher) } catch { failed = true }
        #expect(failed)
    }

    @Test func `a record past the checkpoint is not proven`() throws {
        var folder = try SampleFolder()
        try folder.requests(5)
        try folder.checkpoint()
        try folder.requests(5)
        try folder.save()
        var stream = try RecordStream(folder.log)
        try stream.seek(to: 7)
        var found = try stream.next()
        while let record = found, record.index < 7 { found = try stream.next() }
        let record = try #require(found)
        let key = try TrustedKeys(nil).key(for: folder.log).key
        #expect(throws: ToolError.notCovered(index: 7, size: 5)) {
            try Evidence.prove(record, in: folder.log, key: key)
        }
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-24T20:03:41.5Z", 1_795_550_621_500_000),
            ("2000-02-29", 951_782_400_000_000), ("2026-11-24T20:03Z", 1_795_550_580_000_000),
            ("90s", 999_910_000_000), ("1d", 913_600_000_000),
        ] as [(String, Int64)])
    func `a time is read`(text: String, micro: Int64) throws {
        let now = WallTime(microseconds: 1_000_000_000_000)
        #expect(try Timestamp.parse(text, now: now) == WallTime(microseconds: micro))
    }

    @Test(arguments: [
        "", "yesterday", "2026-13-01", "2026-11-24T25:00:00Z", "2026-11-24T20:00:00", "10", "-1d",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: ToolError.timeMalformed(text)) {
            try Timestamp.parse(text, now: WallTime(microseconds: 0))
        }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_550_621_500_001, "2026-11-24T20:03:41.500001Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] as [(Int64, String)])
    func `a time is written`(micro: Int64, text: String) {
        #expect(Timestamp.text(WallTime(microseconds: micro)) == text)
    }
}
