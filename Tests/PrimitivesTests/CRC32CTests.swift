import Primitives
import Testing

@Suite struct CRC32CTests {
    /// RFC 3720 §B.4, and the customary check text.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func `the standard's examples have their checks`(bytes: [UInt8], expected: UInt32) {
        let crc = CRC32C()
        let whole = crc.checksum(bytes.span)
        #expect(whole == expected)
        for split in 0...bytes.count {
            let start = crc.checksum(bytes.span.extracting(first: split))
            let both = crc.checksum(bytes.span.extracting(droppingFirst: split), continuing: start)
            #expect(both == expected, "split at \(split)")
        }
    }
}
