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
}
