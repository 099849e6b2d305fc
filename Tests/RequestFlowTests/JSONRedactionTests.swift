import AuditRecords
import HTTP
import Primitives
import Testing

@testable import RequestFlow

@Suite struct JSONRedactionTests {
    private static func privacy(_ pointers: [[String]]) -> RecordPrivacy {
        var settings = PrivacySettings()
        var rule = RedactionRule(name: "card")
        rule.body = pointers
        settings.rules = [rule]
        return RecordPrivacy(settings, level: .body, routes: [])
    }

    /// What is recorded of `text`; nil when it can't be read.
    private func redacted(
        _ text: String, isCut: Bool = false,
        _ pointers: [[String]] = [["card", "number"], ["list", "*", "id"], ["list", "2"]]
    ) -> String? {
        let bytes = Array(text.utf8)
        let privacy = Self.privacy(pointers)
        var marks = RedactionSet()
        var buffer = ByteBuffer(capacity: 100_000)
        let isRead = buffer.write { writer in
            JSONRedaction.append(
                bytes.span, isCut: isCut, of: .requestBody, privacy, &marks, to: &writer)
        }
        return isRead ? buffer.span.text() : nil
    }

    @Test(arguments: [
        ("{}", "{}"), (" [ ] ", "[]"), ("1", "1"), ("\"a\"", "\"a\""), ("true", "true"),
        ("{\"a\": [1, -2.5e3, null, false, {}]}", "{\"a\":[1,-2.5e3,null,false,{}]}"),
        (
            "{\"card\":{\"number\":\"4111\",\"x\":1},\"number\":2}",
            "{\"card\":{\"number\":\"[redacted:card]\",\"x\":1},\"number\":2}"
        ),
        (
            "{\"c\\u0061rd\":{\"num\\u0062er\":{\"a\":[1,\"}\"]}},\"b\":1}",
            "{\"c\\u0061rd\":{\"num\\u0062er\":\"[redacted:card]\"},\"b\":1}"
        ),
        (
            "{\"list\":[{\"id\":1},{\"id\":[2]},3,{\"id\":4}]}",
            "{\"list\":[{\"id\":\"[redacted:card]\"},{\"id\":\"[redacted:card]\"},"
                + "\"[redacted:card]\",{\"id\":\"[redacted:card]\"}]}"
        ),
        (
            "{\"card\":{\"number\":1,\"number\":2}}",
            "{\"card\":{\"number\":\"[redacted:card]\",\"number\":\"[redacted:card]\"}}"
        ),
        (
            "[{\"Pass\\u0057ord\":1,\"api_key\":true,\"clientSecret\":null}]",
            "[{\"Pass\\u0057ord\":\"[redacted:credential]\",\"api_key\":\"[redacted:credential]\","
                + "\"clientSecret\":\"[redacted:credential]\"}]"
        ),
    ])
    func `values are taken out by pointer and by name`(text: String, recorded: String) {
        #expect(redacted(text) == recorded)
    }

    @Test(arguments: [
        "", " ", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "[1}", "{'a':1}",
        "{\"a\":1}x", "//c\n{}", "{\"a\":1/**/}", "nul", "tru", "{a:1}", "\"\u{1}\"", "\"\\x\"",
        "\"\\u00g0\"", "[\"a]", "{\"password\":{]}}", "{\"password\":}", ",", "\u{FEFF}{}",
        String(repeating: "[", count: 33) + String(repeating: "]", count: 33),
    ])
    func `what another reader might read otherwise is not recorded`(text: String) {
        #expect(redacted(text) == nil)
    }

    @Test func `nesting up to the limit is read`() {
        let text = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(redacted(text) == text)
    }

    @Test func `the beginning of a text shows nothing that the whole does not`() {
        let text =
            "{\"a\":\"b\",\"card\":{\"number\":\"PLANTED\",\"x\":[1,2]},\"token\":{\"k\":[\"PLANTED\"]},"
            + "\"list\":[{\"id\":\"PLANTED\"},{\"id\":\"PLANTED\"},\"PLANTED\",true]}"
        let whole = redacted(text) ?? ""
        #expect(!whole.contains("PLANTED") && !whole.isEmpty)
        for count in 1..<text.utf8.count {
            let part = String(decoding: Array(text.utf8)[..<count], as: UTF8.self)
            let shown = redacted(part, isCut: true)
            #expect(shown.map { whole.hasPrefix($0) } == true, "\(part) → \(shown ?? "nil")")
            #expect(redacted(part) == nil)
        }
    }

    /// Whatever the text is made of, and wherever it is cut, what is planted under a name that is
    /// taken out does not come out.
    @Test func `a planted value never comes out`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var numbers = Splitmix(state: seed)
        for round in 0..<400 {
            let text = Self.random(depth: 0, isPlanted: false, &numbers)
            let bytes = Array(text.utf8)
            let cut = Int.random(in: 1...bytes.count, using: &numbers)
            for shown in [
                redacted(text, [["card"], ["list", "*", "id"]]),
                redacted(
                    String(decoding: bytes[..<cut], as: UTF8.self), isCut: true,
                    [["card"], ["list", "*", "id"]]),
            ] {
                #expect(shown?.contains("PLANTED") != true, "seed \(seed), round \(round): \(text)")
            }
            #expect(redacted(text) != nil, "seed \(seed), round \(round): \(text)")
        }
    }

    private static func random(
        depth: Int, isPlanted: Bool, _ numbers: inout Splitmix
    ) -> String {
        let space = ["", " ", "\n\t"].randomElement(using: &numbers) ?? ""
        let count = Int.random(in: 0...4, using: &numbers)
        switch Int.random(in: 0...(depth < 5 ? 5 : 3), using: &numbers) {
        case 0: return isPlanted ? "\"PLANTED\"" : "\"a}]\\\"\""
        case 1: return isPlanted ? "\"x\\u0041PLANTED\"" : "-1.5e3"
        case 2: return "true"
        case 3: return "null"
        case 4:
            let items = (0..<count).map { _ in
                random(depth: depth + 1, isPlanted: isPlanted, &numbers)
            }
            return "[" + space + items.joined(separator: "," + space) + space + "]"
        default:
            let members = (0..<count).map { _ -> String in
                let hides = Bool.random(using: &numbers)
                let names =
                    hides
                    ? ["password", "pass\\u0077ord", "API-Key", "x.secret", "cookie"]
                    : ["a", "list", "id", "number", ""]
                let name = names.randomElement(using: &numbers) ?? ""
                let value = random(depth: depth + 1, isPlanted: isPlanted || hides, &numbers)
                return "\"\(name)\"" + space + ":" + space + value
            }
            return space + "{" + members.joined(separator: space + ",") + "}" + space
        }
    }

    @Test(arguments: [
        ("application/json", BodyKind.json), ("Application/JSON ; charset=utf-8", .json),
        ("application/problem+json", .json), ("application/x-www-form-urlencoded", .form),
        ("text/plain", .opaque), ("application/jsonx", .opaque), ("+json", .opaque),
        ("", .opaque),
    ])
    func `only what can be searched is read`(type: String, kind: BodyKind) throws {
        let found = try Self.kind("Content-Type: \(type)\r\n")
        #expect(found == kind)
        let encoded = try Self.kind("Content-Type: \(type)\r\nContent-Encoding: gzip\r\n")
        #expect(encoded == .opaque)
        let twice = try Self.kind("Content-Type: \(type)\r\nContent-Type: \(type)\r\n")
        #expect(twice == .opaque)
    }

    private static func kind(_ fields: String) throws -> BodyKind {
        let bytes = Array("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        _ = try head.parse(bytes.span, scanned: &scanned)
        return BodyKind(head.fields, bytes.span)
    }

    /// What a record says of a body, as JSON.
    private func detail(
        _ text: String, length: UInt64? = nil, kind: BodyKind, limit: Int = 256,
        _ rules: [RedactionRule] = []
    ) throws -> String {
        var privacy = PrivacySettings()
        privacy.bodyBytes = limit
        privacy.rules = rules
        var bench = try FlowBench.make(routes: [], privacy: privacy, level: .body)
        let bytes = Array(text.utf8)
        let facts = BodyFacts(
            length: length ?? UInt64(bytes.count), digest: .zero, isPartial: false)
        bench.see(facts, isRequest: false, bytes, kind)
        return bench.record().detail
    }

    private static let zeros = String(repeating: "0", count: 64)

    @Test func `a body has its length, digest and text`() throws {
        #expect(
            try detail("{\"a\":1}", kind: .json)
                == #"{"response_body":{"len":7,"sha256":"\#(Self.zeros)","text":"{\"a\":1}"}}"#)
        #expect(
            try detail("a=1&pwd=x", kind: .form).contains(
                #""text":"a=1&pwd=[redacted:credential]""#)
        )
        #expect(
            try detail("hello", kind: .opaque)
                == #"{"response_body":{"len":5,"sha256":"\#(Self.zeros)"}}"#)
        #expect(
            try detail("{no", kind: .json)
                == #"{"response_body":{"len":3,"sha256":"\#(Self.zeros)"}}"#)
    }

    @Test func `a cut text says what it is the beginning of`() throws {
        #expect(
            try detail("[1,2", length: 900, kind: .json)
                == #"{"response_body":{"len":900,"sha256":"\#(Self.zeros)","text":"[1,2"},"#
                + #""trunc":{"response_body/text":{"len":900,"sha256":"\#(Self.zeros)"}}}"#)
    }
}
