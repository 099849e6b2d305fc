import Primitives
import Testing

@Suite struct ByteWriterTests {
    /// What `body` writes into `capacity` bytes, and whether it ran out of room.
    private func written(
        capacity: Int = 64, _ body: (inout ByteWriter) -> Void
    ) -> (bytes: [UInt8], overflowed: Bool) {
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
        defer { memory.deallocate() }
        var writer = ByteWriter(over: memory)
        body(&writer)
        var bytes: [UInt8] = []
        let span = writer.span
        for index in span.indices { bytes.append(span[index]) }
        return (bytes, writer.overflowed)
    }

    @Test(arguments: [
        (0, "0"), (7, "7"), (10, "10"), (-1, "-1"), (1_000_000, "1000000"),
        (Int64.max, "9223372036854775807"), (Int64.min, "-9223372036854775808"),
    ])
    func `decimal numbers`(value: Int64, text: String) {
        #expect(written { $0.appendDecimal(value) }.bytes == Array(text.utf8))
    }

    @Test func `hexadecimal digits keep their zeros`() {
        #expect(written { $0.appendHex(0xAB, digits: 4) }.bytes == Array("00ab".utf8))
        #expect(written { $0.appendHex(0x1_23, digits: 2) }.bytes == Array("23".utf8))
        let identifier = Identifier128(high: 1, low: .max)
        #expect(
            written { $0.appendHex(identifier) }.bytes
                == Array("0000000000000001ffffffffffffffff".utf8))
    }

    @Test(arguments: [0, 1, 0x9A, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, .max] as [UInt64])
    func `every count of hexadecimal digits is the number's last`(value: UInt64) {
        let text = String(value, radix: 16)
        let padded = String(repeating: "0", count: 16 - text.count) + text
        for digits in 1...16 {
            let bytes = written { $0.appendHex(value, digits: digits) }.bytes
            #expect(bytes == Array(padded.suffix(digits).utf8))
        }
    }

    @Test(
        arguments: [
            9, 99, 999_999_999, 1_000_000_000, 12_345_678_901, .max / 10, .max / 10 + 1, .max,
        ] as [UInt64])
    func `large decimal numbers`(value: UInt64) {
        #expect(written { $0.appendDecimal(magnitude: value) }.bytes == Array("\(value)".utf8))
    }

    @Test func `integers go out and come back most significant byte first`() {
        let (bytes, overflowed) = written {
            $0.append(0xFF)
            $0.appendBigEndian(UInt16(0x0102))
            $0.appendBigEndian(UInt64(0x0304_0506_0708_090A))
            $0.appendBigEndian(Int32(-2))
        }
        #expect(overflowed == false)
        #expect(bytes == [0xFF, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xFF, 0xFF, 0xFF, 0xFE])
        let span = bytes.span
        let short: UInt16 = span.bigEndian(at: 1)
        let long: UInt64 = span.bigEndian(at: 3)
        let signed: Int32 = span.bigEndian(at: 11)
        #expect(short == 0x0102)
        #expect(long == 0x0304_0506_0708_090A)
        #expect(signed == -2)
    }

    @Test func `an integer that crosses the end is a bug`() async {
        await #expect(processExitsWith: .failure) {
            let bytes: [UInt8] = [1, 2, 3]
            let span = bytes.span
            let value: UInt16 = span.bigEndian(at: 2)
            _ = value
        }
    }

    @Test(arguments: 0..<12)
    func `what does not fit leaves nothing of itself, nor does what follows`(capacity: Int) {
        let (bytes, overflowed) = written(capacity: max(1, capacity)) {
            $0.append("four")
            $0.appendDecimal(12_345)
            $0.appendBigEndian(UInt16(0))
            $0.append(0x21)
        }
        let whole = Array("four12345".utf8) + [0, 0, 0x21]
        let prefixes = [0, 4, 9, 11, 12]
        let expected = prefixes.last { $0 <= max(1, capacity) } ?? 0
        #expect(bytes == Array(whole[..<expected]))
        #expect(overflowed)
    }

    @Test func `truncating forgets an overflow`() {
        let (bytes, overflowed) = written(capacity: 4) {
            $0.append("abcd")
            $0.append(0x21)
            $0.truncate(to: 2)
            $0.append("xy")
        }
        #expect(bytes == Array("abxy".utf8))
        #expect(overflowed == false)
    }
}
