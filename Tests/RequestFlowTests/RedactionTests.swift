import AuditRecords
import Authorization
import HTTP
import Primitives
import Testing

@testable import RequestFlow

@Suite struct RedactionTests {
    private static func privacy(_ names: [String] = ["Card"]) -> RecordPrivacy {
        var settings = PrivacySettings()
        settings.query = .values
        var rule = RedactionRule(name: "card")
        rule.query = names
        settings.rules = [rule]
        return RecordPrivacy(settings, level: .metadata, routes: [])
    }

    private func redacted(_ query: String, _ names: [String] = ["Card"]) -> String {
        let bytes = Array(query.utf8)
        var buffer = ByteBuffer(capacity: 100_000)
        var marks = RedactionSet()
        let privacy = Self.privacy(names)
        buffer.write {
            $0.appendRedacted(query: bytes.span, of: .query, privacy, &marks)
        }
        let text = buffer.span.text()
        #expect(marks.isEmpty != text.contains("[redacted:"))
        return text
    }

    @Test(arguments: [
        ("", ""), ("a=1&b=2", "a=1&b=2"), ("a&b=&=c&&", "a&b=&=c&&"),
        ("card=1&x=2&CARD=3", "card=[redacted:card]&x=2&CARD=[redacted:card]"),
        ("c%61rd=1;x=2", "c%61rd=[redacted:card];x=2"),
        ("c%2561rd=1", "c%2561rd=[redacted:card]"),
        ("a=1%26card%3D2%26b%3D3", "a=1%26card%3D[redacted:card]%26b%3D3"),
        ("a=1%2526card%253D2", "a=1%2526card%253D[redacted:card]"),
        ("card=1=2=3&x", "card=[redacted:card]&x"),
        ("x=card=1&y=2", "x=card=[redacted:card]&y=2"),
        (
            "u=https%3A%2F%2Fh%2Fp%3Ftoken%3Dabc&y=2",
            "u=https%3A%2F%2Fh%2Fp%3Ftoken%3D[redacted:credential]&y=2"
        ),
        (
            "user[card]=1&user.card=2&card[]=3",
            "user[card]=[redacted:card]&user.card=[redacted:card]&card[]=[redacted:card]"
        ),
        ("card=", "card="), ("card", "card"),
        (
            "access_token=x&Api-Key=y&X-Amz-Signature=z&code=1",
            "access_token=[redacted:credential]&Api-Key=[redacted:credential]"
                + "&X-Amz-Signature=[redacted:credential]&code=[redacted:credential]"
        ),
        ("eyJhbGciOiJFUzI1NiJ9.e30&a=b", "*&a=b"),
        ("a=%", "a=%"), ("%3", "%3"), ("card=%", "card=[redacted:card]"),
    ])
    func `values are taken out wherever a reader could see the name`(
        query: String, recorded: String
    ) {
        #expect(redacted(query) == recorded)
    }

    @Test func `a name too long to be one is not shown`() {
        let long = String(repeating: "a", count: 65)
        #expect(redacted("\(long)=1") == "*=1")
        #expect(redacted("\(long)_token=1") == "*=[redacted:credential]")
    }

    /// Whatever the query is made of, the value planted under a redacted name does not come out,
    /// whichever way a reader splits and decodes.
    @Test func `a planted value never comes out`() {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var numbers = Splitmix(state: seed)
        let names = [
            "card", "CARD", "c%61rd", "%63ard", "c%2561rd", "a[card]", "token", "pass%77ord",
        ]
        let equals = ["=", "%3D", "%3d", "%253D"]
        let separators = ["&", ";", "%26", "%3b", "?", "%3F", "%2526"]
        let fillers = ["a=1", "b", "", "=", "x=y=z", "q=%20", "%C3%A9=1", "a[]=", "card"]
        for round in 0..<3000 {
            var query = ""
            for _ in 0..<Int.random(in: 1...5, using: &numbers) {
                if Bool.random(using: &numbers) {
                    query += fillers.randomElement(using: &numbers) ?? ""
                } else {
                    query += names.randomElement(using: &numbers) ?? ""
                    query += equals.randomElement(using: &numbers) ?? ""
                    query += "PLANTED" + (Bool.random(using: &numbers) ? "=PLANTED" : "")
                }
                query += separators.randomElement(using: &numbers) ?? ""
            }
            let text = redacted(query)
            #expect(!text.contains("PLANTED"), "seed \(seed) round \(round): \(query) → \(text)")
        }
    }

    /// Only the segment that the rule means goes, in whatever way it was written.
    @Test func `a planted segment never comes out of a path`() throws {
        var settings = PrivacySettings()
        var rule = RedactionRule(name: "who")
        rule.parameters = ["who"]
        settings.rules = [rule]
        let route = Route(
            name: "r", path: try PathPattern("/v1/{a}/x/{who}/**"), authentication: .none,
            action: .upstream(0))
        let seed = UInt64.random(in: 0...UInt64.max)
        var numbers = Splitmix(state: seed)
        let tails = ["", "/", "/a", "/a%20b", ";v=1", "/.a", "/%7Eb/"]
        for _ in 0..<500 {
            let planted = "PLANTED".utf8.map { byte in
                Bool.random(using: &numbers)
                    ? "%" + String(byte, radix: 16, uppercase: Bool.random(using: &numbers))
                    : String(UnicodeScalar(byte))
            }.joined()
            let tail = tails.randomElement(using: &numbers) ?? ""
            var bench = try FlowBench.make(routes: [route], privacy: settings)
            _ = try bench.judge("GET /v1/t/%78/\(planted)\(tail) HTTP/1.1\r\nHost: a\r\n\r\n")
            let path = bench.recorded(.path) ?? ""
            #expect(path.hasPrefix("/v1/t/x/[redacted:who]"), "seed \(seed): \(path)")
            #expect(!path.contains("PLANTED"))
        }
    }

    @Test func `values that would not fit are left out, and their names kept`() throws {
        var settings = PrivacySettings()
        settings.query = .values
        var rule = RedactionRule(name: String(repeating: "n", count: 32))
        rule.query = ["a"]
        settings.rules = [rule]
        var route = Route(
            name: "r", path: try PathPattern("/**"), authentication: .none, action: .upstream(0))
        route.auditLevel = AuditLevel.metadata.rawValue
        var bench = try FlowBench.make(routes: [route], privacy: settings)
        let query = String(repeating: "a=1&", count: 1500)
        _ = try bench.judge("GET /?\(query) HTTP/1.1\r\nHost: a\r\n\r\n")
        let text1 = bench.recorded(.query)
        #expect(text1 == nil)
        let text2 = bench.recorded(.queryKeys)
        #expect(text2?.hasPrefix("a&a&a") == true)
    }

    @Test(arguments: [
        ("password", true), ("api-key", true), ("x_amz_security_token", true), ("sid", true),
        ("monkey", false), ("author", false), ("passenger", false), ("tokens_used", false),
    ])
    func `credentials are known by their names`(name: String, isCredential: Bool) {
        let bytes = Array(name.utf8)
        let isFound = CredentialNames.contain(bytes.span)
        #expect(isFound == isCredential)
    }
}

/// Numbers from a seed (Steele, Lea and Flood, 2014).
struct Splitmix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
