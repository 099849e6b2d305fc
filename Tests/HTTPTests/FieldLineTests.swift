import HTTP
import Primitives
import Testing

@Suite struct FieldLineTests {
    @Test(arguments: [
        ("A:b", "A=b"), ("A: b", "A=b"), ("A:\t b c \t", "A=b c"), ("A:", "A="), ("A: \t ", "A="),
        ("A: b\tc", "A=b\tc"), ("A: \u{e9}", "A=\u{e9}"), ("A::b", "A=:b"),
        ("!#$%&'*+-.^_`|~: x", "!#$%&'*+-.^_`|~=x"), ("1: 2", "1=2"),
    ])
    func `RFC 9112 §5: a field line is taken apart`(line: String, field: String) {
        #expect(parse(get(line)).request?.fields.last == field)
    }

    @Test(arguments: [
        "A : b", "A\t: b", ": b", "A", "A b", "A b: c", "A(: b", "\u{e9}: b", "A: b\0", "A: \u{b}b",
        "A: b\u{7f}", "A: b\rc", "A: b\nc", "A\0: b", "A=b", "\"A\": b", "A/b: c", "A@b: c",
        "A[b]: c", "A: \u{1b}", "A: b\r",
    ])
    func `RFC 9112 §5.1: any other line is refused`(line: String) {
        #expect(parse(get(line)).error == .fieldMalformed)
        #expect(parse(get("B: c", line, "D: e")).error == .fieldMalformed)
    }

    @Test(arguments: [" b", "\tb", " A: b", "\tA: b", " ", "\t"])
    func `RFC 9112 §5.2: a folded line is refused`(line: String) {
        #expect(parse(get("A: b", line)).error == .fieldFolded)
        let first = request("GET / HTTP/1.1", [line, "Host: a"])
        #expect(parse(first).error == .fieldFolded)
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `RFC 9110 §5.6.2: exactly token characters make a name`(byte: UInt8) {
        let token = Array(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let front = Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8)
        let bytes = front + [byte] + Array("Y: b\r\n\r\n".utf8)
        #expect((parse(bytes).request != nil) == (token.contains(byte) || byte == 0x3A))
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `RFC 9110 §5.5: no control byte but HTAB is in a value`(byte: UInt8) {
        let front = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
        for length in 0..<10 {
            let filler = [UInt8](repeating: 0x61, count: length)
            let bytes = front + filler + [byte] + Array("b\r\n\r\n".utf8)
            let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
            #expect((parse(bytes).request == nil) == isControl)
        }
    }
}
