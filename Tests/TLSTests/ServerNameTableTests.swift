import Primitives
import TLS
import Testing

@Suite struct ServerNameTableTests {
    static let table = ServerNameTable([
        ("example.com", 0), ("*.example.com", 1), ("api.example.com", 2),
        ("*.Deep.Example.COM", 3), ("dotted.test.", 4), ("api.example.com", 9), ("intranet", 5),
        ("*.intranet", 6), ("_svc.example.net", 7), ("xn--bcher-kva.example", 8),
        // These are no names.
        ("*", 10), ("*.", 11), ("a*.example.org", 12), ("*.*.example.org", 13),
        ("x.*.example.org", 14), ("127.0.0.1", 15), ("", 16), ("bad name.example", 17),
        ("-a.example", 18), ("a..example", 19),
    ])

    @Test(
        arguments: [
            ("example.com", 0), ("EXAMPLE.com", 0), ("example.com.", 0), ("example.com..", nil),
            ("api.example.com", 2), ("API.EXAMPLE.COM.", 2), ("www.example.com", 1),
            ("a.b.example.com", nil), ("deep.example.com", 1), ("x.deep.example.com", 3),
            ("x.y.deep.example.com", nil), (".example.com", nil), ("*.example.com", nil),
            ("dotted.test", 4), ("dotted.test.", 4), ("intranet", 5), ("host.intranet", 6),
            ("_svc.example.net", 7), ("xn--bcher-kva.example", 8), ("com", nil), (".", nil),
            ("", nil), ("example.org", nil), ("a1.example.org", nil), ("x.y.example.org", nil),
            ("127.0.0.1", nil), ("::1", nil), ("[::1]", nil), ("example.com:443", nil),
            ("example.com\0", nil), ("example.com\0.evil.test", nil), ("-a.example", nil),
            ("b\u{FC}cher.example", nil), ("bad name.example", nil), ("www.example.com/", nil),
        ] as [(String, Int?)])
    func `a name finds the context that is for it`(name: String, context: Int?) {
        let bytes = Array(name.utf8)
        let found = Self.table.find(bytes.span)
        #expect(found == context)
    }

    @Test(
        arguments: [
            ("a", true), ("a.b", true), ("a-b.c", true), ("a_b.c", true), ("1a", true),
            ("4.4.4.example", true), ("a.", false), (".a", false), ("a..b", false), ("-a", false),
            ("a-", false), ("a-.b", false), ("a.-b", false), ("1", false), ("a.1", false),
            ("1.2.3.4", false), ("a b", false), ("a\u{7F}", false), ("", false),
        ] as [(String, Bool)])
    func `host names are told from other text`(text: String, isHostName: Bool) {
        let bytes = Array(text.utf8)
        let found = bytes.span.isHostName
        #expect(found == isHostName)
    }

    @Test func `lengths are those of the domain name system`() {
        func label(_ count: Int) -> String { String(repeating: "a", count: count) }
        for (text, isHostName) in [
            (label(63), true), (label(64), false), (label(63) + ".b", true),
            ([63, 63, 63, 61].map(label).joined(separator: "."), true),
            ([63, 63, 63, 62].map(label).joined(separator: "."), false),
        ] {
            let bytes = Array(text.utf8)
            let found = bytes.span.isHostName
            #expect(found == isHostName, "\(text)")
        }
    }

    @Test func `a large table finds each of its names and no other`() {
        let names = (0..<500).flatMap { [("h\($0).example", $0), ("*.w\($0).example", 1000 + $0)] }
        let table = ServerNameTable(names)
        for number in 0..<500 {
            for (text, context) in [
                ("H\(number).example", number), ("x.w\(number).example", 1000 + number),
                ("w\(number).example", nil), ("x.h\(number).example", nil),
            ] as [(String, Int?)] {
                let bytes = Array(text.utf8)
                let found = table.find(bytes.span)
                #expect(found == context, "\(text)")
            }
        }
    }

    @Test func `an empty table knows nothing`() {
        let table = ServerNameTable([])
        let bytes = Array("a.example".utf8)
        let found = table.find(bytes.span)
        #expect(found == nil && table.isEmpty && !Self.table.isEmpty)
    }
}
