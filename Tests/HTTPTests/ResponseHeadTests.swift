import HTTP
import Primitives
import Testing

@Suite struct ResponseHeadTests {
    struct Response: Equatable {
        var consumed = 0
        var status: UInt16 = 0
        var version = HTTPVersion.http11
        var phrase = ""
        var fields: [String] = []
        var hopByHop: [String] = []
        var framing = BodyFraming.none
        var isPersistent = false
    }

    enum Outcome: Equatable {
        case response(Response)
        case incomplete
        case refused(HTTPError)

        var response: Response? {
            if case .response(let response) = self { return response }
            return nil
        }
        var error: HTTPError? {
            if case .refused(let error) = self { return error }
            return nil
        }
    }

    static func read(
        _ bytes: [UInt8], arriving steps: some Sequence<Int>, method: Method = .get,
        limits: HTTPLimits = HTTPLimits()
    ) -> Outcome {
        var head = ResponseHead(limits: limits)
        var scanned = 0
        do throws(HTTPError) {
            for visible in steps {
                let span = bytes.span.extracting(first: visible)
                if let end = try head.parse(span, scanned: &scanned, requestMethod: method) {
                    var response = Response(
                        consumed: end, status: head.status, version: head.version,
                        phrase: span.extracting(head.reasonPhrase).text(), framing: head.framing,
                        isPersistent: head.isPersistent)
                    for index in 0..<head.fields.count {
                        let field = head.fields[index]
                        let name = span.extracting(field.name).text()
                        response.fields.append(
                            "\(name)=\(span.extracting(field.value).text())")
                        if field.isHopByHop { response.hopByHop.append(name) }
                    }
                    return .response(response)
                }
            }
            return .incomplete
        } catch {
            return .refused(error)
        }
    }

    static func read(
        _ line: String, _ lines: [String] = [], method: Method = .get
    ) -> Outcome {
        let bytes = Array((([line] + lines).joined(separator: "\r\n") + "\r\n\r\n").utf8)
        return read(bytes, arriving: [bytes.count], method: method)
    }

    static let ordinary = """
        HTTP/1.1 200 Very OK\r
        Server: x\r
        Content-Length: 5\r
        Connection: keep-alive, x-hop\r
        X-Hop: 1\r
        \r

        """

    @Test func `a response is complete only when its empty line has arrived`() throws {
        let bytes = Array(Self.ordinary.utf8)
        let whole = Self.read(bytes, arriving: [bytes.count])
        let response = try #require(whole.response)
        #expect(response.consumed == bytes.count)
        #expect(response.status == 200)
        #expect(response.phrase == "Very OK")
        #expect(response.framing == .length(5))
        #expect(response.isPersistent)
        #expect(response.fields.count == 4)
        #expect(response.hopByHop == ["Connection", "X-Hop"])
        for split in 0..<bytes.count {
            #expect(Self.read(bytes, arriving: [split]) == .incomplete, "split at \(split)")
            #expect(Self.read(bytes, arriving: [split, bytes.count]) == whole, "split at \(split)")
        }
        #expect(Self.read(bytes, arriving: 0...bytes.count) == whole)
    }

    @Test(
        arguments: [
            ("HTTP/1.1 204 No Content", 204, "No Content"), ("HTTP/1.0 503 ", 503, ""),
            ("HTTP/1.1 200", 200, ""), ("HTTP/1.1 599 a\tb  c", 599, "a\tb  c"),
            ("HTTP/1.1 100 \u{e9}", 100, "\u{e9}"), ("HTTP/1.3 200 OK", 200, "OK"),
        ] as [(String, UInt16, String)])
    func `RFC 9112 §4: a status line is read`(line: String, status: UInt16, phrase: String) {
        let response = Self.read(line).response
        #expect(response?.status == status)
        #expect(response?.phrase == phrase)
    }

    @Test(arguments: [
        "", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 200OK",
        "HTTP/1.1  200 OK", "http/1.1 200 OK", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1 +20 x",
        "HTTP/1.1 2x0 x", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", " HTTP/1.1 200 OK",
        "ICY 200 OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\nK",
        "HTTP/1.1 000 x", "HTTP/11 200 OK",
    ])
    func `RFC 9112 §4: any other status line is refused`(line: String) {
        let error = Self.read(line).error
        #expect(error == .statusLineMalformed)
        #expect(error?.responseReason == .upstreamResponseMalformed)
    }

    @Test func `RFC 9110 §2.5: a response of another major version is refused`() {
        #expect(Self.read("HTTP/2.0 200 OK").error == .versionUnsupported)
    }

    @Test(
        arguments: [
            (200, .get, ["Content-Length: 5"], .length(5)), (200, .get, [], .untilClose),
            (200, .get, ["Transfer-Encoding: chunked"], .chunked),
            (500, .post, ["Content-Length: 0"], .length(0)),
            (200, .head, ["Content-Length: 5"], .none), (200, .head, [], .none),
            (200, .head, ["Transfer-Encoding: chunked"], .none),
            (204, .get, ["Content-Length: 0"], .none), (204, .get, [], .none),
            (304, .get, ["Content-Length: 5"], .none), (304, .get, [], .none),
            (100, .post, ["Content-Length: 5"], .none), (103, .get, ["Link: x"], .none),
            (101, .get, ["Upgrade: x", "Transfer-Encoding: chunked"], .none),
            (205, .get, ["Content-Length: 0"], .length(0)),
        ] as [(Int, Method, [String], BodyFraming)])
    func `RFC 9112 §6.3: a response's body is delimited`(
        status: Int, method: Method, lines: [String], framing: BodyFraming
    ) {
        let response = Self.read("HTTP/1.1 \(status) x", lines, method: method).response
        #expect(response?.framing == framing)
        #expect(response?.isPersistent == (framing != .untilClose))
    }

    @Test(
        arguments: [
            (["Content-Length: 5", "Content-Length: 5"], .lengthDuplicate),
            (["Content-Length: 5, 5"], .lengthInvalid),
            (["Content-Length: 5", "Transfer-Encoding: chunked"], .lengthWithTransferCoding),
            (["Transfer-Encoding: gzip, chunked"], .transferCodingUnknown),
            (["Transfer-Encoding: gzip"], .transferCodingNotChunked),
            (["A : b"], .fieldMalformed), (["A: b", " c"], .fieldFolded),
            (["A: b\0"], .fieldMalformed),
            (["Connection: a b"], .connectionOptionRefused),
        ] as [([String], HTTPError)])
    func `RFC 9112 §6: a response is judged like a request`(lines: [String], error: HTTPError) {
        for method in [Method.get, .head] {
            let found = Self.read("HTTP/1.1 200 OK", lines, method: method).error
            #expect(found == error)
            #expect(found?.responseReason == .upstreamResponseMalformed)
        }
    }

    @Test(
        arguments: [
            ["Content-Length: 5"], ["Transfer-Encoding: chunked"],
            ["Content-Length: 0", "Content-Length: 0"],
        ])
    func `RFC 9110 §8.6: a 204 that announces a body ends its connection`(lines: [String]) {
        let response = Self.read("HTTP/1.1 204 No Content", lines).response
        #expect(response?.framing == BodyFraming.none)
        #expect(response?.isPersistent == false)
    }

    @Test func `RFC 9112 §6.1: a transfer coding from an HTTP 1.0 server is refused`() {
        let lines = ["Transfer-Encoding: chunked"]
        #expect(Self.read("HTTP/1.0 200 OK", lines).error == .transferCodingInOldVersion)
    }

    @Test(arguments: [
        ("HTTP/1.1", ["Content-Length: 1"], true),
        ("HTTP/1.1", ["Content-Length: 1", "Connection: close"], false),
        ("HTTP/1.0", ["Content-Length: 1"], false),
        ("HTTP/1.0", ["Content-Length: 1", "Connection: keep-alive"], true),
        ("HTTP/1.1", [], false),
    ])
    func `RFC 9112 §9.3: a connection is reused only when the server keeps it`(
        version: String, lines: [String], isPersistent: Bool
    ) {
        let response = Self.read("\(version) 200 OK", lines).response
        #expect(response?.isPersistent == isPersistent)
    }

    @Test func `RFC 9110 §7.6.1: a response's Connection may name any field`() {
        let lines = ["Connection: set-cookie, close", "Set-Cookie: a", "Date: b"]
        let response = Self.read("HTTP/1.1 200 OK", lines).response
        #expect(response?.hopByHop == ["Connection", "Set-Cookie"])
    }

    @Test func `RFC 9110 §15.2: several 1xx and the final response are taken one by one`() throws {
        let texts = [
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ]
        let bytes = Array(texts.joined().utf8)
        var head = ResponseHead(limits: HTTPLimits())
        var scanned = 0
        var position = 0
        for (text, status) in zip(texts, [103, 103, 200] as [UInt16]) {
            let rest = bytes.span.extracting(position..<bytes.count)
            let consumed = try head.parse(rest, scanned: &scanned, requestMethod: .get)
            #expect(consumed == text.utf8.count)
            #expect(head.status == status)
            position += consumed ?? 0
        }
    }

    @Test func `a head past its limits is refused`() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 32
        limits.headBytes = 64
        limits.fieldCount = 1
        let phrase = Array("HTTP/1.1 200 \(String(repeating: "a", count: 40))".utf8)
        #expect(
            Self.read(phrase, arriving: [32], limits: limits) == .refused(.startLineTooLong))
        let field = Array("HTTP/1.1 200 OK\r\nA: \(String(repeating: "a", count: 60))".utf8)
        let refused = Self.read(field, arriving: 0...64, limits: limits)
        #expect(refused == .refused(.headTooLarge))
        #expect(refused.error?.responseReason == .upstreamResponseTooLarge)
        let two = Array("HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n".utf8)
        #expect(Self.read(two, arriving: [two.count], limits: limits) == .refused(.fieldsTooMany))
    }
}
