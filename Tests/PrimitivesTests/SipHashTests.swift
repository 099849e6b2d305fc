import Primitives
import Testing

@Suite struct SipHashTests {
    /// The reference implementation's vectors: key 00 … 0f, message 00 … n-1.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func `the authors' vectors are met`(count: Int, hash: UInt64) {
        let message = (0..<count).map { UInt8($0) }
        let secret: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        let found = SipHash.hash(message.span, secret: secret)
        #expect(found == hash)
    }

    /// Key 00…0f and input 00 01 02 …, from the reference code's `vectors.h` (`siphash-2-4-128`).
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"),
    ])
    func `the authors' wide vectors are met`(count: Int, expected: String) {
        let input = (0..<count).map { UInt8($0) }
        var hash = SipHash(
            secret: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908), isWide: true)
        let words = hash.finishWide(input.span)
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
        var whole = SipHash(secret: (1, 2), isWide: true)
        var parts = SipHash(secret: (1, 2), isWide: true)
        parts.absorb(0x0706_0504_0302_0100)
        let left = whole.finishWide(input.span)
        let right = parts.finishWide(rest.span)
        #expect(left == right)
    }
}
