import HTTP
import Primitives
import Testing

@Suite struct BodyFramingTests {
    @Test(
        arguments: [
            ([], .none), (["Content-Length: 0"], .length(0)), (["Content-Length: 007"], .length(7)),
            (["Content-Length: 9223372036854775807"], .length(.max)),
            (["Transfer-Encoding: chunked"], .chunked),
            (["Transfer-Encoding:\tCHUNKED "], .chunked),
        ] as [([String], BodyFraming)])
    func `RFC 9112 §6.3: a request's body is delimited`(lines: [String], framing: BodyFraming) {
        let text = request("POST / HTTP/1.1", ["Host: a"] + lines)
        #expect(parse(text).request?.framing == framing)
    }

    @Test(arguments: [
        "+1", "-1", "0x1", "1 2", "1,1", "1, 1", "", "a", "1a", "1.0", "9223372036854775808",
        "18446744073709551617", "99999999999999999999999", "1_000", "\u{661}", "1;", "\"1\"",
    ])
    func `RFC 9112 §6.2: a length is digits only`(value: String) {
        let error = parse(get("Content-Length: \(value)")).error
        #expect(error == .lengthInvalid)
        #expect(error?.status == 400)
    }

    @Test(arguments: ["5", "6"])
    func `RFC 9112 §6.3: a repeated length is refused, equal or not`(second: String) {
        let text = get("Content-Length: 5", "X: y", "content-length: \(second)")
        #expect(parse(text).error == .lengthDuplicate)
    }

    @Test(arguments: [
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 0", "Transfer-Encoding: identity"],
        ["Content-Length: x", "TRANSFER-ENCODING: chunked"],
    ])
    func `RFC 9112 §6.3: a length beside a transfer coding is refused`(lines: [String]) {
        let error = parse(request("POST / HTTP/1.1", ["Host: a"] + lines)).error
        #expect(error == .lengthWithTransferCoding)
        #expect(error?.reason == .requestFramingAmbiguous)
        #expect(error?.status == 400)
    }

    @Test func `RFC 9112 §6.1: a transfer coding in HTTP 1.0 is refused`() {
        let text = request("POST / HTTP/1.0", ["Transfer-Encoding: chunked"])
        #expect(parse(text).error == .transferCodingInOldVersion)
    }

    @Test(arguments: [
        "gzip", "identity", "", "chunked, gzip", "chunked, chunked", "chunked;q=1", "xchunked",
        "chunkedx", "chunked chunked", "\"chunked\"", "chunked, identity", ",",
        "gzip, chunked, chunked", "'chunked",
    ])
    func `RFC 9112 §6.1: codings that don't end in one chunked are refused`(value: String) {
        let error = parse(get("Transfer-Encoding: \(value)")).error
        #expect(error == .transferCodingNotChunked)
        #expect(error?.status == 400)
    }

    @Test(arguments: ["gzip, chunked", "x, chunked", ", gzip ,CHUNKED", "identity, chunked"])
    func `RFC 9112 §6.1: another coding before chunked is not implemented`(value: String) {
        let error = parse(get("Transfer-Encoding: \(value)")).error
        #expect(error == .transferCodingUnknown)
        #expect(error?.status == 501)
    }

    @Test func `chunked with an empty element beside it is refused`() {
        #expect(parse(get("Transfer-Encoding: chunked,")).error == .transferCodingUnknown)
    }

    @Test func `RFC 9112 §6.1: a repeated Transfer-Encoding is refused`() {
        let line = "Transfer-Encoding: chunked"
        #expect(parse(get(line, line)).error == .transferCodingNotChunked)
        #expect(parse(get(line, "Transfer-Encoding:")).error == .transferCodingNotChunked)
    }

    @Test(arguments: ["Transfer_Encoding: chunked", "X-Transfer-Encoding: chunked"])
    func `a name that only looks like Transfer-Encoding delimits nothing`(line: String) {
        #expect(parse(get(line, "Content-Length: 3")).request?.framing == .length(3))
    }
}
