import HTTP
import Primitives
import Testing

@Suite struct ByteWriterMessageTests {
    @Test func `a status line has the phrase of its code`() {
        #expect(written { $0.appendStatusLine(200) } == "HTTP/1.1 200 OK\r\n")
        #expect(written { $0.appendStatusLine(429) } == "HTTP/1.1 429 Too Many Requests\r\n")
        #expect(written { $0.appendStatusLine(299) } == "HTTP/1.1 299 \r\n")
    }

    @Test(arguments: [99, 600, 0, 1000] as [UInt16])
    func `a status that is none is a bug`(status: UInt16) async {
        await #expect(processExitsWith: .failure) { [status] in
            _ = written { $0.appendStatusLine(status) }
        }
    }

    @Test(arguments: 100...599 as ClosedRange<UInt16>)
    func `every status line that is written can be read`(status: UInt16) {
        let line = written { $0.appendStatusLine(status) } ?? ""
        let bytes = Array((line + "Content-Length: 0\r\n\r\n").utf8)
        let response = ResponseHeadTests.read(bytes, arriving: [bytes.count]).response
        #expect(response?.status == status)
        #expect(response?.phrase == "\(Status.phrase(status))")
    }

    @Test func `fields are written`() {
        let text = written {
            let value = Array("b\tc".utf8)
            let name = Array("X-N".utf8)
            $0.appendField("A", value.span)
            $0.appendField(name: name.span, value: value.span)
            $0.appendField("Server", "sallyport")
            $0.appendField("Content-Length", Int64.max)
        }
        #expect(
            text
                == "A: b\tc\r\nX-N: b\tc\r\nServer: sallyport\r\n"
                + "Content-Length: 9223372036854775807\r\n")
    }

    /// RFC 9110 §5.5: no field is written that would be two lines.
    @Test(arguments: ["a\r\nb", "a\nb", "a\rb", "a\0b", "\u{7f}", "a\u{b}", "aaaaaaaaa\n"])
    func `RFC 9110 §5.5: a value that holds a control byte is not written`(value: String) {
        let text = written {
            let bytes = Array(value.utf8)
            let name = Array("A".utf8)
            let isWritten = (
                $0.appendField("A", bytes.span), $0.appendField(name: name.span, value: bytes.span)
            )
            #expect(isWritten == (false, false))
        }
        #expect(text == "")
    }

    @Test(arguments: ["", "a b", "a:", "a\r\n", "\u{e9}", "a\0"])
    func `RFC 9110 §5.6.2: a name that is no token is not written`(name: String) {
        let text = written {
            let bytes = Array(name.utf8)
            let isWritten = $0.appendField(name: bytes.span, value: bytes.span.extracting(0..<0))
            #expect(!isWritten)
        }
        #expect(text == "")
    }

    @Test(arguments: [1, 15, 16, 255, 256, 4095, 4096, 70_000])
    func `RFC 9112 §7.1: a chunk that is written can be read`(size: Int) {
        let data = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        var buffer = ByteBuffer(capacity: size + 32)
        buffer.write { $0.appendChunk(data.span) }
        buffer.write { $0.appendLastChunk() }
        var bytes: [UInt8] = []
        for index in 0..<buffer.count { bytes.append(buffer.span[index]) }
        let body = BodyDecoderTests.decode(bytes, arriving: [bytes.count])
        #expect(body.data == data)
        #expect(body.isAtEnd)
        #expect(body.rest == 0)
    }

    @Test func `RFC 9112 §7.1: no data is no chunk`() {
        let none: [UInt8] = []
        #expect(written { $0.appendChunk(none.span) } == "")
        #expect(written { $0.appendLastChunk() } == "0\r\n\r\n")
    }

    @Test func `what does not fit is remembered`() {
        let data = [UInt8](repeating: 0x61, count: 20)
        #expect(written(capacity: 20) { $0.appendChunk(data.span) } == nil)
        #expect(written(capacity: 16) { $0.appendStatusLine(200) } == nil)
        #expect(written(capacity: 17) { $0.appendStatusLine(200) } == "HTTP/1.1 200 OK\r\n")
    }
}
