import HTTP
import Primitives
import Testing

@Suite struct BodyDecoderTests {
    /// Everything that came out of a body.
    struct Body: Equatable {
        var data: [UInt8] = []
        var trailers: [String] = []
        var rest = 0
        var isAtEnd = false
        var error: HTTPError?

        var text: String { String(decoding: data, as: UTF8.self) }
    }

    /// Decodes `bytes` as they arrive, the way a connection does: bytes that a step consumed are
    /// dropped, the others are shown again with more behind them.
    static func decode(
        _ bytes: [UInt8], _ framing: BodyFraming = .chunked, arriving steps: some Sequence<Int>,
        limits: HTTPLimits = HTTPLimits(), closes: Bool = false
    ) -> Body {
        var decoder = BodyDecoder(framing, limits: limits)
        var body = Body()
        var start = 0
        do throws(HTTPError) {
            arrivals: for visible in steps {
                while true {
                    let span = bytes.span.extracting(start..<visible)
                    switch try decoder.next(span) {
                    case .needMore(let consumed):
                        start += consumed
                        continue arrivals
                    case .data(let range, let consumed):
                        for index in range.lower..<range.upper { body.data.append(span[index]) }
                        if range.isEmpty || range.upper > consumed { body.error = .bodyTruncated }
                        start += consumed
                    case .trailer(let name, let value, let consumed):
                        let field = span.extracting(name).text()
                        body.trailers.append("\(field)=\(span.extracting(value).text())")
                        start += consumed
                    case .end(let consumed):
                        start += consumed
                        break arrivals
                    }
                }
            }
            if closes { try decoder.endOfStream() }
        } catch {
            body.error = error
        }
        body.isAtEnd = decoder.isAtEnd
        body.rest = bytes.count - start
        return body
    }

    static func decode(_ text: String, limits: HTTPLimits = HTTPLimits()) -> Body {
        let bytes = Array(text.utf8)
        return decode(bytes, arriving: [bytes.count], limits: limits)
    }

    @Test(
        arguments: [
            ("0\r\n\r\n", "", []), ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("1\r\na\r\n002\r\nbc\r\n00000\r\n\r\n", "abc", []),
            ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", []),
            ("2;x=y\r\nab\r\n0;z=\"q\t r\"\r\n\r\n", "ab", []),
            ("3\r\n\r\n\r\r\n0\r\n\r\n", "\r\n\r", []),
            ("1\r\na\r\n0\r\nX-Sum: 7 \r\nY:\r\n\r\n", "a", ["X-Sum=7", "Y="]),
        ] as [(String, String, [String])])
    func `RFC 9112 §7.1: chunks are decoded, however they arrive`(
        text: String, data: String, trailers: [String]
    ) {
        let bytes = Array((text + "next").utf8)
        let expected = Body(data: Array(data.utf8), trailers: trailers, rest: 4, isAtEnd: true)
        #expect(Self.decode(bytes, arriving: [bytes.count]) == expected)
        #expect(Self.decode(bytes, arriving: 0...bytes.count).text == data)
        let end = text.utf8.count
        for split in 0..<end {
            let open = Self.decode(bytes, arriving: [split])
            #expect(open.error == nil && !open.isAtEnd, "split at \(split)")
            #expect(
                Self.decode(bytes, arriving: [split, bytes.count]) == expected, "split at \(split)")
            let truncated = Self.decode(bytes, arriving: [split], closes: true)
            #expect(truncated.error == .bodyTruncated, "split at \(split)")
            for second in split..<end {
                let steps = [split, second, bytes.count]
                #expect(Self.decode(bytes, arriving: steps) == expected)
            }
        }
    }

    @Test(
        arguments: [
            ("\r\n", .chunkLineMalformed), ("g\r\n", .chunkLineMalformed),
            ("-1\r\n", .chunkLineMalformed), ("+1\r\n", .chunkLineMalformed),
            ("0x1\r\n", .chunkLineMalformed), (" 1\r\na", .chunkLineMalformed),
            ("1 \r\na", .chunkLineMalformed), ("1\t;x\r\na", .chunkLineMalformed),
            ("1\na\r\n", .chunkLineMalformed), ("1\ra", .chunkLineMalformed),
            ("1;x\ny", .chunkLineMalformed), ("1;\0\r\na", .chunkLineMalformed),
            ("1;x\ry\r\na", .chunkLineMalformed), (";x\r\n", .chunkLineMalformed),
            ("1,2\r\n", .chunkLineMalformed), ("1\r\nab", .chunkEndMalformed),
            ("1\r\na\n", .chunkEndMalformed), ("1\r\na\rb", .chunkEndMalformed),
            ("1\r\na0\r\n", .chunkEndMalformed), ("8000000000000000\r\n", .chunkSizeOverflow),
            ("ffffffffffffffff\r\n", .chunkSizeOverflow),
            ("10000000000000005\r\nhello", .chunkSizeOverflow),
            ("0\r\nA : b\r\n\r\n", .fieldMalformed), ("0\r\n b\r\n\r\n", .fieldFolded),
            ("0\r\nA\r\n\r\n", .fieldMalformed), ("0\r\nA: b\n\r\n", .fieldMalformed),
            ("0\r\n\rx", .fieldMalformed), ("0\r\n\n", .fieldMalformed),
            ("0\r\nA: b\0\r\n\r\n", .fieldMalformed),
        ] as [(String, HTTPError)])
    func `RFC 9112 §7.1: anything else is refused`(text: String, error: HTTPError) {
        let bytes = Array(text.utf8)
        #expect(Self.decode(bytes, arriving: [bytes.count]).error == error)
        #expect(Self.decode(bytes, arriving: 0...bytes.count).error == error)
        for split in 0..<bytes.count {
            let body = Self.decode(bytes, arriving: [split, bytes.count])
            #expect(body.error == error, "split at \(split)")
            #expect(!body.isAtEnd)
        }
    }

    @Test func `RFC 9112 §7.1: the largest chunk-size is taken`() {
        #expect(Self.decode("7fffffffffffffff\r\nab").text == "ab")
        #expect(Self.decode("7FFFFFFFFFFFFFFF\r\nab").error == nil)
        #expect(Self.decode(String(repeating: "0", count: 100) + "2\r\nab\r\n").text == "ab")
    }

    @Test func `a chunk's line has a limit`() {
        let name = String(repeating: "x", count: 252)
        #expect(Self.decode("1;\(name)\r\na").text == "a")
        #expect(Self.decode("1;x\(name)\r\na").error == .chunkLineTooLong)
        #expect(Self.decode("1;x\(name)").error == nil)
        #expect(Self.decode("1;xyz\(name)").error == .chunkLineTooLong)
        #expect(Self.decode(String(repeating: "0", count: 300)).error == .chunkLineTooLong)
        #expect(HTTPError.chunkLineTooLong.reason == .requestChunkMalformed)
    }

    @Test func `chunk lines may not outweigh their data`() {
        let tiny = String(repeating: "1;\(String(repeating: "x", count: 100))\r\na\r\n", count: 300)
        #expect(Self.decode(tiny).error == .chunkLineTooLong)
        let honest = String(repeating: "10\r\n0123456789abcdef\r\n", count: 10_000)
        #expect(Self.decode(honest + "0\r\n\r\n").isAtEnd)
        let small = String(repeating: "1\r\na\r\n", count: 10_000)
        #expect(Self.decode(small + "0\r\n\r\n").isAtEnd)
    }

    @Test(arguments: [
        "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked", "Authorization: x",
        "Cookie: x", "Set-Cookie: x", "X-Forwarded-For: x", "Trailer: x", "TE: x", "Connection: x",
        "content-type: x", "Via: x", "Expect: x", "Max-Forwards: 1", "Proxy-Authorization: x",
        "Audit-Receipt: x", "Content_Length: 5", "X_A: b",
    ])
    func `RFC 9110 §6.5.1: fields that must not come late are dropped`(line: String) {
        let body = Self.decode("0\r\nA: b\r\n\(line)\r\nC: d\r\n\r\nnext")
        #expect(body.trailers == ["A=b", "C=d"])
        #expect(body.isAtEnd)
        #expect(body.rest == 4)
        #expect(Self.decode("0\r\n\(line)\r\n\r\n").isAtEnd)
    }

    @Test func `a trailer section has limits`() {
        var limits = HTTPLimits()
        limits.trailerBytes = 20
        limits.fieldCount = 2
        // 6 + 12 + 2 bytes.
        #expect(Self.decode("0\r\nA: b\r\nA: bcdefgh\r\n\r\n", limits: limits).isAtEnd)
        for text in [
            "0\r\nA: b\r\nA: bcdefghi\r\n\r\n", "0\r\nA: bcdefghijklmnopqrstuv",
            "0\r\nA: bcdefghijklmnop\r\n", "0\r\nA:\r\nB:\r\nC:\r\n\r\n",
            "0\r\nHost: bcdefghijklmnopqrs\r\n\r\n",
        ] {
            let bytes = Array(text.utf8)
            let whole = Self.decode(bytes, arriving: [bytes.count], limits: limits)
            #expect(whole.error == .trailersTooLarge)
            let slow = Self.decode(bytes, arriving: 0...bytes.count, limits: limits)
            #expect(slow.error == .trailersTooLarge)
        }
        #expect(HTTPError.trailersTooLarge.status == 431)
    }

    @Test func `RFC 9112 §6.2: a length is counted down, however it arrives`() {
        let bytes = Array("hellonext".utf8)
        let expected = Body(data: Array("hello".utf8), rest: 4, isAtEnd: true)
        for split in 0...bytes.count {
            let steps = [split, bytes.count]
            #expect(Self.decode(bytes, .length(5), arriving: steps) == expected)
        }
        for split in 0..<5 {
            let body = Self.decode(bytes, .length(5), arriving: [split], closes: true)
            #expect(body.error == .bodyTruncated)
            #expect(!body.isAtEnd)
        }
        let closed = Self.decode(bytes, .length(5), arriving: [5], closes: true)
        #expect(closed.error == nil)
    }

    @Test(arguments: [BodyFraming.none, .length(0)])
    func `a body of nothing is over at once`(framing: BodyFraming) throws {
        var decoder = BodyDecoder(framing, limits: HTTPLimits())
        #expect(decoder.isAtEnd)
        let next = Array("next".utf8)
        let step = try decoder.next(next.span)
        #expect(step == .end(consumed: 0))
        try decoder.endOfStream()
    }

    @Test func `RFC 9112 §6.3: a body until close ends with the connection`() {
        let bytes = Array("hello".utf8)
        let open = Self.decode(bytes, .untilClose, arriving: 0...5)
        #expect(open.text == "hello")
        #expect(!open.isAtEnd)
        let closed = Self.decode(bytes, .untilClose, arriving: 0...5, closes: true)
        #expect(closed.isAtEnd)
        #expect(closed.error == nil)
    }

    @Test func `one step takes the end of a chunk and the line of the next`() throws {
        var decoder = BodyDecoder(.chunked, limits: HTTPLimits())
        let bytes = Array("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n".utf8)
        let first = try decoder.next(bytes.span)
        #expect(first == .data(ByteRange(start: 3, count: 2), consumed: 5))
        let second = try decoder.next(bytes.span.extracting(5..<bytes.count))
        #expect(second == .data(ByteRange(start: 5, count: 3), consumed: 8))
        let third = try decoder.next(bytes.span.extracting(13..<bytes.count))
        #expect(third == .end(consumed: 7))
    }
}
