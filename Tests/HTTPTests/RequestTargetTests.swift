import HTTP
import Primitives
import Testing

@Suite struct RequestTargetTests {
    /// Target, path in normal form, query.
    @Test(
        arguments: [
            ("/", "/", nil), ("/?", "/", ""), ("/a/b", "/a/b", nil), ("/a/b/", "/a/b/", nil),
            ("/a?b?c/d", "/a", "b?c/d"), ("/a?/../x//y", "/a", "/../x//y"),
            ("/%61%7E%2D%5f", "/a~-_", nil), ("/a%3ab?%2f", "/a%3Ab", "%2f"),
            ("/%c3%a9", "/%C3%A9", nil), ("/...", "/...", nil), ("/.a/..b/c..", "/.a/..b/c..", nil),
            ("/a;v=1/b;c", "/a;v=1/b;c", nil), ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,=", nil),
            ("/x?a[]=1&b={|}^`\\", "/x", "a[]=1&b={|}^`\\"), ("/%25%32%66", "/%252f", nil),
            ("/%20%22%3C", "/%20%22%3C", nil), ("/a?%00", "/a", "%00"),
            ("http://a.example/x?y", "/x", "y"), ("HTTPS://a.example/", "/", nil),
            ("http://a.example", "/", nil), ("http://a.example?q", "/", "q"),
            ("http://a.example/%7Eb", "/~b", nil), ("http://[::1]:80/x", "/x", nil),
        ] as [(String, String, String?)])
    func `RFC 9112 §3.2: a target is taken apart`(target: String, path: String, query: String?) {
        let head = parse(request("GET \(target) HTTP/1.1")).request
        #expect(head?.path == path)
        #expect(head?.query == query)
        #expect(head?.isAsteriskForm == false)
    }

    @Test func `the path as it was sent is kept beside its normal form`() {
        let head = parse(request("GET /%61%3a?b HTTP/1.1")).request
        #expect(head?.rawPath == "/%61%3a")
        #expect(head?.path == "/a%3A")
        #expect(parse(request("GET http://a HTTP/1.1")).request?.rawPath == "")
    }

    /// What another recipient could read as a different path.
    @Test(arguments: [
        "//", "/a//b", "//a", "/a//", "/a/./b", "/.", "/..", "/a/..", "/a/../b", "/./", "/../",
        "/%2e", "/%2E%2e/a", "/.%2e/a", "/%2e./a", "/a/%2e%2e", "/a/%2e?b", "/..?b", "/.?b",
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a\\b", "/a%00b", "/a%0ab", "/a%0D%0Ab", "/a%7fb",
        "/a%1Fb", "/..;/a", "/..;x=y/a", "/.;/a", "/a/..;", "/;/a", "/;", "/a/;x/b", "/%2e%2e;/a",
        "http://a.example//", "http://a.example/../x",
    ])
    func `an ambiguous path is refused`(target: String) {
        let error = parse(request("GET \(target) HTTP/1.1")).error
        #expect(error == .pathAmbiguous)
        #expect(error?.reason == .requestPathAmbiguous)
        #expect(error?.status == 400)
    }

    @Test(arguments: [
        "a", "a/b", "?a", "*", "*/", "**", "ftp://a.example/", "http:/a.example/", "http:a",
        "httpx://a/", "/%", "/%a", "/%zz", "/%a%61", "/a?%", "/a?%a", "/a?%zz", "/a#b", "/a?b#c",
        "/a\"b", "/a<b", "/a>b", "/a[b]", "/a{b}", "/a|b", "/a^b", "/a`b", "/a?\"", "/a?<", "/a?>",
        "/\u{e9}", "/a?\u{e9}", "a.example:80", "/%g1", "/%1g",
    ])
    func `RFC 9112 §3.2: any other target is refused`(target: String) {
        #expect(parse(request("GET \(target) HTTP/1.1")).error == .targetInvalid)
    }

    @Test(arguments: [
        "http://", "http:///x", "http://?x", "http://u@a.example/", "http://a:/", "http://a:99999/",
        "http://[::1/", "http://a,b/",
    ])
    func `RFC 9112 §3.2.2: an absolute target has a valid authority`(target: String) {
        #expect(parse(request("GET \(target) HTTP/1.1")).error == .hostInvalid)
    }

    @Test func `RFC 9112 §3.2.4: the asterisk is for OPTIONS`() {
        let head = parse(request("OPTIONS * HTTP/1.1")).request
        #expect(head?.isAsteriskForm == true)
        #expect(head?.path == "*")
        let absolute = parse(request("OPTIONS http://a.example HTTP/1.1")).request
        #expect(absolute?.isAsteriskForm == true)
        #expect(absolute?.path == "*")
        #expect(parse(request("OPTIONS http://a.example/ HTTP/1.1")).request?.path == "/")
        #expect(parse(request("OPTIONS http://a.example?q HTTP/1.1")).request?.path == "/")
        #expect(parse(request("POST * HTTP/1.1")).error == .targetInvalid)
    }

    /// RFC 3986 §3.3; letters and digits are told apart by the table, not by ranges.
    @Test(arguments: UInt8.min...UInt8.max)
    func `each byte in a path is taken, refused, or has a meaning of its own`(byte: UInt8) {
        let allowed = Array(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/?".utf8
        )
        let bytes = Array("GET /x".utf8) + [byte] + Array("y HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect((parse(bytes).request != nil) == allowed.contains(byte))
        let query = Array("GET /x?".utf8) + [byte] + Array("y HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let wider = allowed + Array("[\\]^`{|}".utf8)
        #expect((parse(query).request != nil) == wider.contains(byte))
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `RFC 3986 §6.2.2: exactly unreserved characters are decoded`(byte: UInt8) {
        let digits = String(byte, radix: 16)
        let lower = "%" + (digits.count == 1 ? "0" : "") + digits
        let parsed = parse(request("GET /x\(lower)y HTTP/1.1"))
        let unreserved = Array(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
        if byte < 0x20 || byte == 0x7F || byte == 0x2F || byte == 0x5C {
            #expect(parsed.error == .pathAmbiguous)
        } else if unreserved.contains(byte) {
            #expect(parsed.request?.path == "/x\(Character(UnicodeScalar(byte)))y")
        } else {
            #expect(parsed.request?.path == "/x\(lower.uppercased())y")
        }
    }

    @Test func `the longest path fits its normal form`() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 64
        let path = "/" + String(repeating: "%3A", count: 15)
        let parsed = parse(request("GET \(path) HTTP/1.1", ["Host: a"]), limits: limits)
        #expect(parsed.request?.path == path)
    }
}
