import HTTP
import Primitives
import Testing

@Suite struct AuthorityTests {
    @Test(arguments: [
        "a", "a.example", "a.example.", "A-b_c.1", "a:1", "a.example:65535", "127.0.0.1:80",
        "[::1]", "[::1]:8080", "[2001:db8::a.1.2.3]", "[1:2:3:4:5:6:7:8]",
    ])
    func `RFC 9112 §3.2: a host with or without a port is taken`(text: String) {
        #expect(isAuthority(text))
        #expect(parse(request("GET / HTTP/1.1", ["Host: \(text)"])).request?.authority == text)
    }

    @Test(arguments: [
        "", ".", ".a", "a..b", "a:", "a:0", "a:65536", "a:100000", "a:+1", "a:1:2", ":80", "a b",
        "a/b", "u@a", "a,b", "a;b", "a%41", "a\u{e9}", "a\\b", "a?b", "a#b", "[", "[]", "[:]",
        "[::1", "::1", "[::1]x", "[::1]:", "[::1]80", "[::g]", "[fe80::1%25eth0]", "[v1.x]",
        "[1:2:3:4:5:6:7:8:9:a]", "a\tb", "a:80 ", "[::1]:99999",
        "[00000000000000000000000000000000000000000000::1]",
    ])
    func `RFC 9112 §3.2: any other is refused`(text: String) {
        #expect(!isAuthority(text))
        if !text.hasSuffix(" ") {
            #expect(parse(request("GET / HTTP/1.1", ["Host: \(text)"])).error == .hostInvalid)
        }
    }

    @Test func `RFC 1035 §2.3.4: a name has at most 255 bytes`() {
        let long = String(repeating: "a", count: 255)
        #expect(isAuthority(long))
        #expect(!isAuthority(long + "a"))
        #expect(isAuthority(long + ":80"))
    }
}
