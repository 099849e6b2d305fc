import Testing

@testable import RateLimiting

@Suite struct SipHashTests {
    /// Key 00…0f and input 00 01 02 …, from the reference code's `vectors.h` (`siphash-2-4-128`).
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"),
    ])
    func `the reference code's vectors hold`(count: Int, expected: String) {
        let input = (0..<count).map { UInt8($0) }
        var hash = SipHash128((0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
        let words = hash.finish(input.span)
        let bytes = [words.0, words.1].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        let text = bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        #expect(text == expected)
    }

    @Test func `whole words absorbed are the same as bytes`() {
        let input = (0..<24).map { UInt8($0) }
        let rest = (8..<24).map { UInt8($0) }
        var whole = SipHash128((1, 2))
        var parts = SipHash128((1, 2))
        parts.absorb(0x0706_0504_0302_0100)
        let left = whole.finish(input.span)
        let right = parts.finish(rest.span)
        #expect(left == right)
    }
}
