import HTTP
import Primitives
import Testing

@Suite struct RequestHeadTests {
    static let ordinary = request(
        "POST /v1/items/7?full=1 HTTP/1.1",
        [
            "Host: api.example.com:8080", "User-Agent: curl/8.0", "Accept: */*",
            "Content-Length: 12", "Connection: x-note, keep-alive", "X-Note:  two words\t",
            "TE: gzip;q=0.5, trailers", "X-Empty:",
        ])

    @Test func `an ordinary request is read in full`() throws {
        let head = try #require(parse(Self.ordinary + "body of next").request)
        #expect(head.consumed == Self.ordinary.utf8.count)
        #expect(head.method == .post)
        #expect(head.methodText == "POST")
        #expect(head.version == .http11)
        #expect(head.rawPath == "/v1/items/7")
        #expect(head.path == "/v1/items/7")
        #expect(head.query == "full=1")
        #expect(head.authority == "api.example.com:8080")
        #expect(head.framing == .length(12))
        #expect(head.isPersistent)
        #expect(head.acceptsTrailers)
        #expect(!head.expectsContinue && !head.isAsteriskForm)
        #expect(head.fields.count == 8)
        #expect(head.fields[5] == "X-Note=two words")
        #expect(head.fields[7] == "X-Empty=")
        #expect(head.hopByHop == ["Connection", "X-Note", "TE"])
    }

    /// RFC 9112 §2.2, §3: Accepted request lines and what they are read as.
    @Test(
        arguments: [
            ("GET / HTTP/1.1", .get, .http11),
            ("HEAD / HTTP/1.0", .head, .http10),
            ("PATCH /a HTTP/1.1", .patch, .http11),
            ("get / HTTP/1.1", .other, .http11),
            ("PROPFIND / HTTP/1.1", .other, .http11),
            ("!#$%&'*+-.^_`|~1aZ / HTTP/1.1", .other, .http11),
            // RFC 9110 §2.5: a later minor version is processed as 1.1.
            ("GET / HTTP/1.2", .get, .http11), ("GET / HTTP/1.9", .get, .http11),
        ] as [(String, Method, HTTPVersion)])
    func `RFC 9112 §3: a request line is read`(
        line: String, method: Method, version: HTTPVersion
    ) throws {
        let head = try #require(parse(request(line)).request)
        #expect(head.method == method)
        #expect(head.methodText == line.split(separator: " ")[0])
        #expect(head.version == version)
    }

    @Test(arguments: [
        "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.",
        "GET / HTTP/1.10", "GET / HTTP/01.1", "GET / HTTP/1,1", "GET / HTTP /1.1", "GET HTTP/1.1",
        "GET  HTTP/1.1", "/ HTTP/1.1", "G(T / HTTP/1.1", "G\u{e9}T / HTTP/1.1", "GET / HTTPS/1.1",
        "GET / HTTP/A.1", "GET / HTTP/1.B", "", "GET", "GET / HTTP/1.1\0", "\0GET / HTTP/1.1",
        "GET / \u{b}HTTP/1.1", "GET /\rHTTP/1.1", "GET / HTTP/1.1\r", "\rGET / HTTP/1.1",
        "GET: / HTTP/1.1",
    ])
    func `RFC 9112 §3: any other request line is refused`(line: String) {
        #expect(parse(request(line)).error == .requestLineMalformed)
    }

    @Test(arguments: ["GET / HTTP/2.0", "PRI * HTTP/2.0", "GET / HTTP/0.9", "GET / HTTP/3.1"])
    func `RFC 9110 §15.6.6: another major version is refused`(line: String) {
        let error = parse(request(line)).error
        #expect(error == .versionUnsupported)
        #expect(error?.status == 505)
    }

    @Test(arguments: ["CONNECT a.example:443 HTTP/1.1", "TRACE / HTTP/1.1"])
    func `RFC 9110 §9.3: CONNECT and TRACE are not served`(line: String) {
        let error = parse(request(line)).error
        #expect(error == .methodRefused)
        #expect(error?.status == 501)
    }

    /// RFC 9112 §2.2: a server should skip an empty line before the request line: one, not two.
    @Test func `RFC 9112 §2.2: one empty line before the request line is skipped`() throws {
        let text = "\r\n" + get()
        let bytes = Array(text.utf8)
        for split in 0..<bytes.count {
            #expect(parse(bytes, arriving: [split]) == .incomplete, "split at \(split)")
        }
        #expect(parse(text).request?.consumed == bytes.count)
        #expect(parse(bytes, arriving: 0...bytes.count).request?.consumed == bytes.count)
        #expect(parse("\r\n\r\n" + get()).error == .requestLineMalformed)
        #expect(parse("\n" + get()).error == .requestLineMalformed)
    }

    @Test(arguments: ["\n", "\r", "\r\r\n", "\n\r"])
    func `RFC 9112 §2.2: only CRLF ends a line`(lineEnd: String) {
        let first = "GET / HTTP/1.1\(lineEnd)Host: a\r\n\r\n"
        #expect(parse(first).error == .requestLineMalformed)
        let second = "GET / HTTP/1.1\r\nHost: a\(lineEnd)Accept: b\r\n\r\n"
        #expect(parse(second).error == .fieldMalformed)
    }

    @Test func `RFC 9112 §2.2: an LF alone doesn't end the head`() {
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\n").error == .fieldMalformed)
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\rX").error == .fieldMalformed)
    }

    @Test(arguments: [
        "Host: a.example", "Host:a.example", "host:\t a.example \t", "HOST: a.example",
    ])
    func `RFC 9112 §3.2: the authority is that of Host`(line: String) {
        #expect(parse(request("GET / HTTP/1.1", [line])).request?.authority == "a.example")
    }

    @Test func `RFC 9112 §3.2: Host is there once, in HTTP 1.1`() {
        #expect(parse(request("GET / HTTP/1.1", [])).error == .hostMissing)
        #expect(parse(request("GET / HTTP/1.1", ["Hosts: a"])).error == .hostMissing)
        #expect(parse(request("GET http://a/ HTTP/1.1", [])).error == .hostMissing)
        #expect(parse(get("host: a.example")).error == .hostDuplicate)
        #expect(parse(request("GET / HTTP/1.0", ["Host: a", "Host: a"])).error == .hostDuplicate)
        #expect(parse(request("GET / HTTP/1.0", [])).request?.authority == "")
    }

    @Test func `RFC 9112 §3.2.2: an absolute target's authority takes the place of Host`() {
        let line = "GET http://b.example:81/x HTTP/1.1"
        #expect(parse(request(line)).request?.authority == "b.example:81")
        #expect(parse(request(line, ["Host: b c"])).error == .hostInvalid)
    }

    /// RFC 9112 §9.3.
    @Test(arguments: [
        ("HTTP/1.1", "X: y", true), ("HTTP/1.1", "Connection: close", false),
        ("HTTP/1.1", "Connection: CLOSE , x", false),
        ("HTTP/1.1", "Connection: keep-alive, close", false),
        ("HTTP/1.1", "Connection: keep-alive", true), ("HTTP/1.0", "X: y", false),
        ("HTTP/1.0", "Connection: Keep-Alive", true),
        ("HTTP/1.0", "Connection: close, keep-alive", false),
        ("HTTP/1.0", "Proxy-Connection: keep-alive", false), ("HTTP/1.1", "Connection:", true),
    ])
    func `RFC 9112 §9.3: a connection persists unless somebody closes it`(
        version: String, line: String, isPersistent: Bool
    ) {
        let text = request("GET / \(version)", ["Host: a", line])
        #expect(parse(text).request?.isPersistent == isPersistent)
    }

    @Test func `RFC 9112 §9.3: a close in a second Connection field counts`() {
        let head = parse(get("Connection: x", "Connection: close"))
        #expect(head.request?.isPersistent == false)
    }

    /// RFC 9110 §10.1.1.
    @Test func `RFC 9110 §10.1.1: a client that waits for 100 is known`() {
        let line = "Expect: 100-Continue"
        let length = "Content-Length: 5"
        #expect(parse(get(line, length)).request?.expectsContinue == true)
        #expect(parse(get(line, "Transfer-Encoding: chunked")).request?.expectsContinue == true)
        #expect(parse(get(line)).request?.expectsContinue == false)
        #expect(parse(get(line, "Content-Length: 0")).request?.expectsContinue == false)
        let old = request("POST / HTTP/1.0", [line, length])
        #expect(parse(old).request?.expectsContinue == false)
    }

    @Test(arguments: ["Expect: 200-ok", "Expect: 100-continue, x", "Expect:", "Expect: 100"])
    func `RFC 9110 §10.1.1: any other expectation is refused`(line: String) {
        #expect(parse(get(line)).error == .expectationUnknown)
        #expect(parse(get("Expect: 100-continue", line)).error == .expectationUnknown)
        #expect(HTTPError.expectationUnknown.status == 417)
    }

    @Test func `RFC 9110 §7.6.2: Max-Forwards is read for OPTIONS only`() {
        let line = "Max-Forwards: 3"
        let host = "Host: a"
        #expect(parse(request("OPTIONS * HTTP/1.1", [host, line])).request?.maxForwards == 3)
        #expect(parse(request("OPTIONS * HTTP/1.1", [host])).request?.maxForwards == nil)
        #expect(parse(get(line)).request?.maxForwards == nil)
        for bad in ["Max-Forwards: -1", "Max-Forwards: x", "Max-Forwards:", "Max-Forwards: 1, 2"] {
            let text = request("OPTIONS * HTTP/1.1", [host, bad])
            #expect(parse(text).error == .maxForwardsInvalid)
        }
        let twice = request("OPTIONS * HTTP/1.1", [host, line, line])
        #expect(parse(twice).error == .maxForwardsInvalid)
    }

    @Test func `RFC 9110 §10.1.4: only TE with trailers takes trailers`() {
        #expect(parse(get("TE: trailers")).request?.acceptsTrailers == true)
        #expect(parse(get("TE: gzip", "TE: Trailers")).request?.acceptsTrailers == true)
        #expect(parse(get("TE: gzip, xtrailers")).request?.acceptsTrailers == false)
        #expect(parse(get("Trailers: trailers")).request?.acceptsTrailers == false)
    }

    @Test func `what stands before the offence stays readable`() {
        let text = request("PUT /a?b HTTP/1.1", ["Host: a.example", "Bad Name: x", "Y: z"])
        let bytes = Array(text.utf8)
        for steps in [[bytes.count], Array(0...bytes.count)] {
            var head = RequestHead(limits: HTTPLimits())
            var scanned = 0
            #expect(throws: HTTPError.fieldMalformed) {
                for visible in steps {
                    _ = try head.parse(bytes.span.extracting(first: visible), scanned: &scanned)
                }
            }
            let seen = ParsedRequest(head, bytes)
            #expect(seen.method == .put)
            #expect(seen.path == "/a")
            #expect(seen.query == "b")
            #expect(seen.fields == ["Host=a.example"])
            #expect(seen.authority == "")
            #expect(seen.framing == .none)
        }
    }

    @Test func `nothing of an earlier request is readable`() throws {
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        let first = Array(Self.ordinary.utf8)
        _ = try head.parse(first.span, scanned: &scanned)
        let second = Array("GET /secret HTTP/1.1\r\nHo".utf8)
        let none = try head.parse(second.span, scanned: &scanned)
        #expect(none == nil)
        #expect(ParsedRequest(head, second) == ParsedRequest(RequestHead(limits: HTTPLimits()), []))
    }

    @Test func `an unfinished head can be read for the record`() {
        var head = RequestHead(limits: HTTPLimits())
        let bytes = Array("DELETE /a HTTP/1.1\r\nUser-Agent: slow\r\nAcc".utf8)
        head.parseUnfinished(bytes.span)
        let seen = ParsedRequest(head, bytes)
        #expect(seen.method == .delete)
        #expect(seen.path == "/a")
        #expect(seen.fields == ["User-Agent=slow"])
        let nothing = Array("\u{16}\u{3}\u{1}".utf8)
        head.parseUnfinished(nothing.span)
        #expect(ParsedRequest(head, nothing).method == .other)
    }
}
