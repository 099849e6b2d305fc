import Foundation
import Primitives
import Testing

@testable import AuditRecords

@Suite struct RecordTextTests {
    /// Raw bytes of a path, and what the detail part says of them.
    struct Case: Sendable, CustomTestStringConvertible {
        let raw: [UInt8]
        let said: String
        let isHostile: Bool
        var testDescription: String { said }
    }

    static let cases: [Case] = [
        Case(raw: Array("/a%20b%0A".utf8), said: "/a%20b%0A", isHostile: false),
        Case(raw: Array("a\r\nb%0A".utf8), said: "a%0D%0Ab%250A", isHostile: true),
        Case(raw: Array(#"say "hi" \o/"#.utf8), said: #"say \"hi\" \\o/"#, isHostile: false),
        Case(raw: Array("\"\n\\".utf8), said: #"\"%0A\\"#, isHostile: true),
        Case(raw: Array("schöne Grüße 日本 🦊".utf8), said: "schöne Grüße 日本 🦊", isHostile: false),
        Case(raw: [0x61, 0x00, 0x7F], said: "a%00%7F", isHostile: true),
        Case(raw: Array("\u{85}\u{9F}".utf8), said: "%C2%85%C2%9F", isHostile: true),
        Case(raw: Array("\u{A0}\u{AD}".utf8), said: "\u{A0}\u{AD}", isHostile: false),
        Case(raw: Array("a\u{202E}gpj.exe".utf8), said: "a%E2%80%AEgpj.exe", isHostile: true),
        Case(
            raw: Array("\u{200E}\u{200F}\u{061C}".utf8), said: "%E2%80%8E%E2%80%8F%D8%9C",
            isHostile: true),
        Case(raw: Array("\u{2066}\u{2069}".utf8), said: "%E2%81%A6%E2%81%A9", isHostile: true),
        Case(raw: Array("\u{2028}\u{2029}".utf8), said: "%E2%80%A8%E2%80%A9", isHostile: true),
        // Overlong forms of "/" and NUL, a surrogate, past U+10FFFF, lone and missing continuations.
        Case(raw: [0xC0, 0xAF], said: "%C0%AF", isHostile: true),
        Case(raw: [0xE0, 0x80, 0xAF], said: "%E0%80%AF", isHostile: true),
        Case(raw: [0xF0, 0x80, 0x80, 0xAF], said: "%F0%80%80%AF", isHostile: true),
        Case(raw: [0xC0, 0x80], said: "%C0%80", isHostile: true),
        Case(raw: [0xED, 0xA0, 0x80], said: "%ED%A0%80", isHostile: true),
        Case(raw: [0xF4, 0x90, 0x80, 0x80], said: "%F4%90%80%80", isHostile: true),
        Case(raw: [0xFF, 0xFE, 0x61], said: "%FF%FEa", isHostile: true),
        Case(raw: [0xE2, 0x82], said: "%E2%82", isHostile: true),
        Case(raw: [0x80], said: "%80", isHostile: true),
        Case(raw: [0xC3, 0x28], said: "%C3(", isHostile: true),
    ]

    @Test(arguments: cases)
    func `a value is copied, quoted, or made harmless`(value: Case) {
        // Once at each place of an eight-byte word, for the search goes by words.
        for shift in 0..<9 {
            let prefix = String(repeating: "x", count: shift)
            let detail = detail(Array(prefix.utf8) + value.raw)
            let said = "\"path\":\"\(prefix)\(value.said)\""
            let esc = value.isHostile ? "\"esc\":[\"path\"]," : ""
            #expect(detail == "{\(esc)\(said)}")
        }
    }

    @Test func `a long value around each special byte is the same as byte by byte`() {
        for byte in UInt8.min...UInt8.max {
            var raw = Array(repeating: UInt8(ascii: "a"), count: 40)
            raw[21] = byte
            let detail = detail(raw)
            let middle =
                switch byte {
                case 0x22: "\\\""
                case 0x5C: "\\\\"
                case 0x20..<0x7F: String(UnicodeScalar(byte))
                default:
                    "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16).uppercased()
                }
            #expect(detail.contains("aaa\(middle)aaa"), "byte \(byte)")
        }
    }

    @Test func `a cut value says its length and digest and ends with a whole character`() {
        var limits = RecordLimits()
        limits.pathBytes = 5
        let raw = Array("/übergröße".utf8)
        let fields = Sample.fields { writer in
            let isWhole = writer.appendRecordField(.path, raw.span, limits: limits)
            #expect(!isWhole)
            #expect(writer.count == 0)
            let digest = Digest256(words: (1, 2, 3, 4))
            writer.appendCutRecordField(
                .path, raw.span, fullCount: raw.count, digest: digest, limits: limits)
        }
        let digits = (1...4).map { "000000000000000\($0)" }.joined()
        #expect(
            Sample.encode(RecordFacts(), fields).detail
                == #"{"path":"/übe","trunc":{"path":{"len":13,"sha256":"\#(digits)"}}}"#)
        limits.pathBytes = 2
        let other = Sample.fields { writer in
            writer.appendCutRecordField(
                .path, raw.span, fullCount: 13, digest: .zero, limits: limits)
        }
        #expect(Sample.encode(RecordFacts(), other).detail.contains(#""path":"/","#))
    }

    @Test func `chosen headers keep their order and are named by it`() {
        let fields = Sample.fields { writer in
            for value in ["accept: text/html", "x-a: \u{1}%", "x-b: \"q\""] {
                let bytes = Array(value.utf8)
                _ = writer.appendRecordField(.header, bytes.span, limits: RecordLimits())
            }
        }
        #expect(
            Sample.encode(RecordFacts(), fields).detail
                == #"{"esc":["headers/1"],"headers":["accept: text/html","x-a: %01%25","x-b: \"q\""]}"#
        )
    }

    /// The auditor's reader has to make the same bytes of it (audit log format §2).
    @Test func `jq -jcS reproduces the bytes of every part`() throws {
        let jq = URL(filePath: "/usr/bin/jq")
        guard FileManager.default.isExecutableFile(atPath: jq.path) else { return }
        var raws = Self.cases.map(\.raw)
        raws.append((0...255).map { UInt8($0) })
        // All of Unicode that stays as it is, in pieces of one value each.
        var scalars: [UInt8] = []
        for scalar in (0x20...UInt32(0x3FFF)).compactMap(UnicodeScalar.init) {
            scalars += Array(String(Character(scalar)).utf8)
            if scalars.count > 900 {
                raws.append(scalars)
                scalars = []
            }
        }
        for scalar: UInt32 in [0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF] {
            let value = try #require(UnicodeScalar(scalar))
            raws.append(Array(String(Character(value)).utf8))
        }
        for raw in raws {
            let fields = Sample.fields { writer in
                for field in RecordField.allCases where !field.isRaw {
                    writer.appendCutRecordField(
                        field, raw.span, fullCount: raw.count, digest: .zero,
                        limits: RecordLimits())
                }
            }
            var facts = Sample.facts()
            facts.method = 255
            facts.tlsVersion = 0x0304
            // A record has an address or its pseudonym.
            facts.peer = .unknown
            facts.client = .unknown
            let parts = Sample.encode(facts, fields)
            for part in [parts.core, parts.subject, parts.detail] {
                #expect(try output(of: jq, ["-jcS", "."], part) == part)
            }
        }
    }

    @Test(arguments: [
        ("limit=10&page=2", "limit&page"),
        ("", ""),
        ("&&a=1&&b", "a&b"),
        ("a=b=c&=v", "a&"),
        ("token", "token"), ("0123456789abcdefg&x", "*&x"),
        ("0123456789abcdefg=1", "0123456789abcdefg"),
        ("token%3Dsecret", "token"), ("a%3dsecret=1&b%3", "a&b%3"), ("%3Dsecret&%3", "&%3"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDAwMH0.c2ln&x=1", "*&x"),
    ])
    func `a query is recorded by its names`(query: String, keys: String) {
        let bytes = Array(query.utf8)
        let written = Sample.fields { $0.appendQueryKeys(bytes.span) }
        #expect(String(decoding: written, as: UTF8.self) == keys)
    }

    private func detail(_ path: [UInt8]) -> String {
        let fields = Sample.fields { writer in
            _ = writer.appendRecordField(.path, path.span, limits: RecordLimits())
        }
        return Sample.encode(RecordFacts(), fields).detail
    }

    private func output(of tool: URL, _ arguments: [String], _ input: String) throws -> String {
        let process = Process()
        process.executableURL = tool
        process.arguments = arguments
        let source = Pipe()
        let target = Pipe()
        process.standardInput = source
        process.standardOutput = target
        try process.run()
        source.fileHandleForWriting.write(Data(input.utf8))
        try source.fileHandleForWriting.close()
        let data = target.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
