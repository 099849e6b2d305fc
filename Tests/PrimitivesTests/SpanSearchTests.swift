import Primitives
import Testing

@Suite struct SpanSearchTests {
    @Test func `a byte is found at every offset of every length`() {
        for length in 0..<40 {
            for position in 0..<length {
                var bytes = [UInt8](repeating: 0x61, count: length)
                bytes[position] = 0x0A
                #expect(bytes.span.firstIndex(of: .lineFeed, from: 0) == position)
                #expect(bytes.span.firstIndex(of: .lineFeed, from: position + 1) == nil)
            }
        }
    }

    @Test func `zeros at the end are told from the rest at every length`() {
        for length in 0..<40 {
            #expect([UInt8](repeating: 0, count: length).span.countWithoutTrailingZeros == 0)
            for position in 0..<length {
                var bytes = [UInt8](repeating: 0, count: length)
                bytes[position] = 0x80
                #expect(bytes.span.countWithoutTrailingZeros == position + 1)
            }
        }
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `exactly the control bytes are found, wherever they stand`(byte: UInt8) {
        for position in 0..<20 {
            var bytes = [UInt8](repeating: 0x80, count: 20)
            bytes[position] = byte
            let isControl = byte < 0x20 || byte == 0x7F
            #expect(bytes.span.firstControl(from: 0) == (isControl ? position : 20))
        }
    }

    @Test(
        arguments: [("0", 0), ("9223372036854775807", Int64.max), ("007", 7)] as [(String, Int64)])
    func `digits are a number`(text: String, value: Int64) {
        #expect(Array(text.utf8).span.decimalNumber() == value)
    }

    @Test(arguments: [
        "", "+1", "-1", " 1", "1 ", "0x1", "9223372036854775808", "12345678901234567890",
    ])
    func `anything else is not a number`(text: String) {
        #expect(Array(text.utf8).span.decimalNumber() == nil)
    }
}
