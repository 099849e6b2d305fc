import HTTP
import Primitives
import Testing

@Suite struct FieldNameTests {
    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `a known name is recognised in any letter case`(name: FieldName) {
        let text = "\(name.text)"
        #expect(fieldName(text) == name)
        #expect(fieldName(text.uppercased()) == name)
        #expect(fieldName(text + "x") == .other)
        #expect(fieldName("x" + text) == .other)
        #expect(fieldName(String(text.dropLast())) != name)
        let underscored = text.replacing("-", with: "_")
        #expect(underscored == text || fieldName(underscored) == .other)
    }

    @Test(arguments: ["", "x", "accept-charset", "hosts", "x-forwarded-fox"])
    func `any other name is other`(text: String) {
        #expect(fieldName(text) == .other)
    }

    @Test func `names fit the table's set`() {
        for name in FieldName.allCases { #expect(name.rawValue < 64) }
    }

    @Test func `RFC 9110 §7.6.1: the fields of one hop are these`() {
        let names: Set<FieldName> = [
            .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade,
            .http2Settings, .proxyAuthorization, .proxyAuthenticate, .proxyAuthenticationInfo,
        ]
        #expect(Set(FieldName.allCases.filter(\.isHopByHop)) == names)
    }
}
