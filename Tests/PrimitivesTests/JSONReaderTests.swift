import Primitives
import Testing

/// Every step through `text`, as words.
func jsonSteps(
    _ text: [UInt8], limits: JSONLimits = JSONLimits()
) throws(JSONError) -> [String] {
    var reader = JSONReader(text.span, limits: limits)
    var steps: [String] = []
    while true {
        switch try reader.next() {
        case .objectStart: steps.append("{")
        case .objectEnd: steps.append("}")
        case .arrayStart: steps.append("[")
        case .arrayEnd: steps.append("]")
        case .name(let name):
            steps.append(String(decoding: text.span.jsonBytes(name), as: UTF8.self) + ":")
        case .string(let string):
            steps.append("'" + String(decoding: text.span.jsonBytes(string), as: UTF8.self) + "'")
        case .number(let range):
            steps.append(text.span.extracting(range).text())
        case .boolean(let value): steps.append("\(value)")
        case .null: steps.append("null")
        case .end: return steps
        }
    }
}

private func failure(_ text: String, limits: JSONLimits = JSONLimits()) -> JSONError? {
    do throws(JSONError) {
        _ = try jsonSteps(Array(text.utf8), limits: limits)
        return nil
    } catch {
        return error
    }
}

@Suite struct JSONReaderTests {
    @Test(
        arguments: [
            ("{}", "{ }"), ("[]", "[ ]"), (" [ 1 , -2.5e+3 ,\t0\n]\r\n", "[ 1 -2.5e+3 0 ]"),
            ("\"x\"", "'x'"), ("true", "true"), ("null", "null"), ("0", "0"),
            (
                "{\"a\":{\"a\":[false,{\"a\":1}]},\"b\":null}",
                "{ a: { a: [ false { a: 1 } ] } b: null }"
            ),
            ("\"\\u0041\\n\\/\\\"\"", "'A\n/\"'"), ("\"\\ud83d\\ude00é\"", "'😀é'"),
            ("\"\\u00e9\\u20ac\"", "'é€'"),
        ])
    func `values are read step by step`(text: String, steps: String) throws {
        let found = try jsonSteps(Array(text.utf8))
        #expect(found.joined(separator: " ") == steps)
    }

    @Test func `no beginning of an object is whole`() {
        let text = "{\"a\":[1,\"\\u00e9é\",{\"b\":true}],\"c\":-1.5e3,\"d\":null}"
        let bytes = Array(text.utf8)
        #expect(failure(text) == nil)
        for split in 0..<bytes.count {
            #expect(throws: JSONError.self, "split at \(split)") {
                _ = try jsonSteps(Array(bytes[..<split]))
            }
        }
    }

    @Test(
        arguments: [
            "", " ", "{", "[1,", "[1,]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
            "{1:2}",
            "[1 2]", "[1}", "{\"a\":1]", "01", "-", "+1", "1.", ".5", "1e", "1e+", "tru", "True",
            "nul", "'a'", "[1]]", "{} {}", "1 2", "\u{FEFF}{}", "NaN", "/**/1", "[,1]",
        ])
    func `what is no JSON is refused`(text: String) {
        #expect(failure(text) != nil)
    }

    @Test(
        arguments: [
            "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
            "\"a\u{01}\"",
            "\"a\nb\"", "\"\\ud83d\\\\de00\"",
        ])
    func `strings with faults are refused`(text: String) {
        guard case .stringMalformed = failure(text) else {
            Issue.record("\(text) is taken")
            return
        }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xC3], [0xE2, 0x82], [0xFF],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.textNotUTF8(at: 1)) {
            _ = try jsonSteps([0x22] + bytes + [0x22])
        }
    }

    @Test(
        arguments: [
            "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":{},\"\\u0061\":2}", "{\"x\":{\"b\":1,\"b\":1}}",
            "[{\"\":1,\"\":1}]", "{\"\\\"\":1,\"\\u0022\":2}",
        ])
    func `duplicate names are refused, however they are spelled`(text: String) {
        guard case .duplicateName = failure(text) else {
            Issue.record("\(text) is taken")
            return
        }
    }

    @Test func `one name in different objects is no duplicate`() {
        #expect(failure("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}") == nil)
    }

    @Test func `depth and members have limits`() {
        let limits = JSONLimits(depth: 3, members: 2)
        #expect(failure("[[[1]]]", limits: limits) == nil)
        #expect(failure("[[[[1]]]]", limits: limits) == .tooDeep)
        #expect(failure("{\"a\":1,\"b\":2}", limits: limits) == nil)
        #expect(failure("{\"a\":1,\"b\":2,\"c\":3}", limits: limits) == .tooManyMembers)
        #expect(failure("{\"a\":{\"b\":{\"c\":1}}}", limits: limits) == .tooManyMembers)
        #expect(failure("[{\"a\":{\"b\":1}},{\"c\":{\"d\":1}}]", limits: limits) == nil)
    }

    @Test func `a skipped value says where it stands`() throws {
        let bytes = Array("{\"a\": [1,{\"b\":2}] ,\"c\":\"d\"}".utf8)
        var reader = JSONReader(bytes.span)
        _ = try reader.next()
        _ = try reader.next()
        let value = try reader.skipValue()
        let skipped = bytes.span.extracting(value).text()
        #expect(skipped == "[1,{\"b\":2}]")
        let next = try reader.next()
        #expect(next == .name(JSONText(range: ByteRange(start: 20, count: 1), hasEscapes: false)))
    }
}

@Suite struct JSONTextTests {
    @Test(
        arguments: [
            ("1300819380", 1_300_819_380_000_000), ("1300819380.5", 1_300_819_380_500_000),
            ("1.3e9", 1_300_000_000_000_000), ("-1", -1_000_000), ("0", 0), ("0e999", 0),
            ("1.0000019", 1_000_001), ("13E+8", 1_300_000_000_000_000), ("15e-1", 1_500_000),
            ("1300819380.123456789123456789", 1_300_819_380_123_456), ("1e-9", 0),
            ("9223372036854", 9_223_372_036_854_000_000),
        ] as [(String, Int64)])
    func `a NumericDate becomes microseconds`(text: String, value: Int64) {
        let bytes = Array(text.utf8)
        let found = bytes.span.jsonMillionths(ByteRange(start: 0, count: bytes.count))
        #expect(found == value)
    }

    @Test(arguments: ["9223372036855", "1e13", "1e99999999999999999999", "99999999999999999999"])
    func `a number past 64 bits is none`(text: String) {
        let bytes = Array(text.utf8)
        let found = bytes.span.jsonMillionths(ByteRange(start: 0, count: bytes.count))
        #expect(found == nil)
    }

    @Test func `texts are compared by what they stand for`() {
        let bytes = Array("https:\\/\\/a\\u002eb\\u00e9".utf8)
        let text = JSONText(range: ByteRange(start: 0, count: bytes.count), hasEscapes: true)
        for other in ["https://a.bé", "https://a.b", "https://a.béé", ""] {
            let isEqual = bytes.span.jsonText(text, equals: Array(other.utf8).span)
            #expect(isEqual == (other == "https://a.bé"))
        }
        let isLiteral = bytes.span.jsonText(text, equals: "https://a.b")
        #expect(!isLiteral)
    }
}
