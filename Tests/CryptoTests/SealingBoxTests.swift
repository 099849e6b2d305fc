import Crypto
import Primitives
import Testing

@Suite struct SealingBoxTests {
    static let key = Digest256(words: (1, 2, 3, 4))

    private func sealed(_ text: [UInt8], _ box: inout SealingBox) throws -> [UInt8] {
        try box.seal(text.span, key: Self.key)
        let span = box.sealed
        return (0..<span.count).map { span[$0] }
    }

    @Test(arguments: [0, 1, 15, 64, 65, 4096])
    func `what is sealed opens under the same key alone`(count: Int) throws {
        var box = try SealingBox(capacity: 4096)
        let text = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let bytes = try sealed(text, &box)
        #expect(bytes.count == count + SealingBox.overheadBytes)
        let open = try SealingBox.open(bytes.span, key: Self.key)
        #expect(open == text)
        let other = try SealingBox.open(bytes.span, key: Digest256(words: (1, 2, 3, 5)))
        #expect(other == nil)
    }

    @Test func `each byte counts, and none may be missing`() throws {
        var box = try SealingBox(capacity: 64)
        let bytes = try sealed(Array("alice".utf8), &box)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            let opened = try SealingBox.open(changed.span, key: Self.key)
            #expect(opened == nil)
            let cut = Array(bytes[..<place])
            let openedCut = try SealingBox.open(cut.span, key: Self.key)
            #expect(openedCut == nil)
        }
    }

    @Test func `no nonce comes twice`() throws {
        var box = try SealingBox(capacity: 16)
        var seen: Set<[UInt8]> = []
        for _ in 0..<5000 { seen.insert(Array(try sealed([1], &box)[..<12])) }
        #expect(seen.count == 5000)
    }
}
