import COpenSSLMemory
import Testing

/// `RecordMemory` makes OpenSSL use these; in this process OpenSSL has allocated already.
@Suite struct RecordMemoryTests {
    @Test func `blocks of a record's size are kept, up to eight, and used again`() {
        var blocks: [UnsafeMutableRawPointer?] = []
        for size in 0..<12 { blocks.append(sallyport_block_allocate(16_600 + size, nil, 0)) }
        let before = sallyport_blocks_kept()
        for block in blocks { sallyport_block_free(block, nil, 0) }
        #expect(before == 0)
        #expect(sallyport_blocks_kept() == 8)
        var again: [UnsafeMutableRawPointer?] = []
        for _ in 0..<8 { again.append(sallyport_block_allocate(18_000, nil, 0)) }
        #expect(sallyport_blocks_kept() == 0)
        #expect(Set(again).isSubset(of: Set(blocks)))
        #expect(Set(again).count == 8)
        for block in again { sallyport_block_free(block, nil, 0) }
        for _ in 0..<8 { blocks.append(sallyport_block_allocate(17_000, nil, 0)) }
    }

    @Test(arguments: [1, 64, 4096, 16_384, 18_600, 40_000])
    func `other sizes are given back at once`(size: Int) {
        let block = sallyport_block_allocate(size, nil, 0)
        #expect(block != nil)
        let grown = sallyport_block_resize(block, size + 100, nil, 0)
        let kept = sallyport_blocks_kept()
        sallyport_block_free(grown, nil, 0)
        #expect(sallyport_blocks_kept() == kept)
    }

    @Test func `what is freed or moved while a secret is at hand is cleared`() throws {
        sallyport_begin_secret()
        let block = try #require(sallyport_block_allocate(16_600, nil, 0))
        unsafe block.initializeMemory(as: UInt8.self, repeating: 7, count: 16_600)
        let moved = try #require(sallyport_block_resize(block, 17_000, nil, 0))
        let isMoved = unsafe moved.load(fromByteOffset: 16_599, as: UInt8.self) == 7
        #expect(isMoved)
        // The thread keeps both blocks, so that they can still be read.
        sallyport_block_free(moved, nil, 0)
        sallyport_end_secret()
        for _ in 0..<2 {
            let kept = try #require(sallyport_block_allocate(16_600, nil, 0))
            let isClear = unsafe UnsafeRawBufferPointer(start: kept, count: 16_600)
                .allSatisfy { $0 == 0 }
            #expect(isClear)
        }
    }

    @Test func `no bytes are no block`() {
        #expect(sallyport_block_allocate(0, nil, 0) == nil)
        #expect(sallyport_block_resize(sallyport_block_allocate(5, nil, 0), 0, nil, 0) == nil)
        sallyport_block_free(nil, nil, 0)
    }
}
