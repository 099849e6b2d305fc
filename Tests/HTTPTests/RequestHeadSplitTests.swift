import HTTP
import Primitives
import Testing

@Suite struct RequestHeadSplitTests {
    static let heads = [
        get(), RequestHeadTests.ordinary, "\r\n" + get("A: b"),
        request("GET /%7ea/b%2ec?d HTTP/1.1", ["Host: x", "T: a\tb", "Connection: t"]),
        request("OPTIONS http://a.example HTTP/1.0", []),
    ]

    @Test(arguments: heads)
    func `a head is complete only when its empty line has arrived`(text: String) throws {
        let bytes = Array(text.utf8)
        let whole = parse(bytes)
        #expect(whole.request?.consumed == bytes.count)
        for split in 0..<bytes.count {
            #expect(parse(bytes, arriving: [split]) == .incomplete, "split at \(split)")
            #expect(parse(bytes, arriving: [split, bytes.count]) == whole, "split at \(split)")
        }
        #expect(parse(bytes, arriving: 0...bytes.count) == whole)
    }

    @Test(arguments: heads)
    func `any two splits give the same head`(text: String) {
        let bytes = Array(text.utf8)
        let whole = parse(bytes)
        for first in stride(from: 0, to: bytes.count, by: 3) {
            for second in stride(from: first, to: bytes.count, by: 5) {
                #expect(parse(bytes, arriving: [first, second, bytes.count]) == whole)
            }
        }
    }

    /// Each head is wrong; the number is how many bytes it takes to know.
    @Test(
        arguments: [
            ("\u{16}\u{3}\u{1}", 1, .requestLineMalformed),
            ("\n", 1, .requestLineMalformed),
            ("GET\0", 4, .requestLineMalformed),
            ("GET / HTTP/1.1\n", 15, .requestLineMalformed),
            ("GET / HTTP/1.1\rX", 16, .requestLineMalformed),
            ("GET /x/../y HTTP/1.1\r\n", 22, .pathAmbiguous),
            ("TRACE / HTTP/1.1\r\n", 18, .methodRefused),
            ("GET / HTTP/1.1\r\nA b: c\r\n", 24, .fieldMalformed),
            ("GET / HTTP/1.1\r\nA: b\r\n c: d\r\n", 29, .fieldFolded),
            ("GET / HTTP/1.1\r\nA: \u{1}", 20, .fieldMalformed),
            ("GET / HTTP/1.1\r\nA: b\n", 21, .fieldMalformed),
            ("GET / HTTP/1.1\r\nA: b\rX", 22, .fieldMalformed),
            ("GET / HTTP/1.1\r\n\rX", 18, .fieldMalformed),
            ("GET / HTTP/1.1\r\n\r\n", 18, .hostMissing),
            ("\r\nA: b\r\n", 8, .requestLineMalformed),
        ] as [(String, Int, HTTPError)])
    func `a wrong head is refused as soon as its line is there`(
        text: String, needed: Int, error: HTTPError
    ) {
        let bytes = Array(text.utf8)
        #expect(parse(bytes, arriving: 0..<needed) == .incomplete)
        #expect(parse(bytes, arriving: 0...needed).error == error)
        #expect(parse(bytes, arriving: [needed]).error == error)
        for split in 0..<needed {
            #expect(parse(bytes, arriving: [split, needed]).error == error, "split at \(split)")
        }
    }

    @Test func `a request line past the limit is refused before it ends`() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        let fits = "GET /" + String(repeating: "a", count: 40 - 16) + " HTTP/1.1\r\n"
        #expect(fits.utf8.count == 40)
        #expect(parse(fits + "Host: a\r\n\r\n", limits: limits).request != nil)
        let long = Array(("GET /" + String(repeating: "a", count: 100)).utf8)
        for steps in [[39, 40], [40], Array(0...40), [7, 90]] {
            #expect(parse(long, arriving: steps, limits: limits).error == .startLineTooLong)
        }
        #expect(parse(long, arriving: 0...39, limits: limits) == .incomplete)
        #expect(HTTPError.startLineTooLong.status == 414)
    }

    @Test func `a head past the limit is refused before it ends`() {
        var limits = HTTPLimits()
        limits.headBytes = 100
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let fits = start + String(repeating: "a", count: 100 - 4 - start.utf8.count) + "\r\n\r\n"
        #expect(fits.utf8.count == 100)
        #expect(parse(fits, limits: limits).request?.consumed == 100)
        #expect(parse(fits + "body", limits: limits).request?.consumed == 100)
        let long = Array((start + String(repeating: "a", count: 200)).utf8)
        for steps in [[99, 100], [100], Array(0...100), [5, 150]] {
            #expect(parse(long, arriving: steps, limits: limits).error == .headTooLarge)
        }
        #expect(parse(long, arriving: 0...99, limits: limits) == .incomplete)
        #expect(HTTPError.headTooLarge.status == 431)
    }

    @Test func `fields past the limit are refused`() {
        var limits = HTTPLimits()
        limits.fieldCount = 3
        #expect(parse(get("A: b", "C: d"), limits: limits).request?.fields.count == 3)
        #expect(parse(get("A: b", "C: d", "E: f"), limits: limits).error == .fieldsTooMany)
        #expect(HTTPError.fieldsTooMany.status == 431)
    }

    @Test func `pipelined requests are taken one by one`() throws {
        let texts = [get("A: 1"), RequestHeadTests.ordinary, get("A: 3")]
        let bytes = Array(texts.joined().utf8)
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        var position = 0
        for text in texts {
            let rest = bytes.span.extracting(position..<bytes.count)
            let consumed = try head.parse(rest, scanned: &scanned)
            #expect(consumed == text.utf8.count)
            #expect(scanned == 0)
            position += consumed ?? 0
        }
        #expect(position == bytes.count)
    }
}
