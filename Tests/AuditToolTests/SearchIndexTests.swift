import ArgumentParser
import AuditSegments
import Crypto
import Foundation
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct SearchIndexTests {
    private static let searches: [[String]] = [
        ["--subject", "alice"], ["--subject", "carol"], ["--status", "403"], ["--status", "4xx"],
        ["--status", "5xx"], ["--outcome", "deny"], ["--outcome", "throttle"],
        ["--outcome", "deny", "--subject", "alice"], ["--route", "orders"], ["--route", "none"],
        ["--request-id", "00000000-0000-0007-0000-000000000010"],
        ["--request-id", "00000000000000070000000000000009"],
        ["--request-id", "000000000000000700000000000f0009"],
        ["--client", "127.0.0.1"], ["--client", "127.0.0.2"], ["--client", "::ffff:127.0.0.1"],
        ["--client", "127.0.0.0/8"], ["--client", "10.0.0.0/8"], ["--method", "GET"],
        ["--method", "PUT"], ["--reason", "policy.role_missing"], ["--reason", "x"],
        ["--trace-id", "0"], ["--text", "/orders/60"], ["--text", "\"event\":\"stop\""],
        ["--since", "2026-11-23T19:43:00Z"], ["--until", "2026-11-23T19:40:00Z"],
        ["--sni", "api.test"], ["--ja4", "t13d1516h2"],
        ["--client-cert", String(repeating: "0", count: 64)],
    ]

    @Test(arguments: searches)
    func `an index finds what a search without one finds`(arguments: [String]) throws {
        let folder = try SampleFolder.finished()
        let command = try SearchCommand.parse([folder.audit] + arguments)
        let filter = try command.filter(now: WallTime(microseconds: 0))
        let plain = try search(folder.log, filter, nil)
        // With this secret no value that is missing looks as if it were there.
        let index = SearchIndex(
            folder.log, in: "\(folder.audit)-index", identities: [],
            hasher: TokenHasher(first: 1, second: 2))
        defer { try? FileManager.default.removeItem(atPath: "\(folder.audit)-index") }
        // Once while it is made, once from what is kept.
        for _ in 0..<2 {
            let found = try search(folder.log, filter, index)
            #expect(found.indices == plain.indices)
            #expect(found.count.indexedSegments == 2)
            #expect(found.count.batches == plain.count.batches)
            #expect(found.count.skippedBatches >= plain.count.skippedBatches)
            if plain.indices.isEmpty,
                !arguments.contains(where: { $0.contains("/") || $0 == "--ja4" })
            {
                #expect(found.count.skippedBatches == found.count.batches, "\(arguments)")
            }
        }
    }

    @Test func `an index that is damaged, or of another segment, is made again`() throws {
        let folder = try SampleFolder.finished()
        let place = "\(folder.audit)-index"
        defer { try? FileManager.default.removeItem(atPath: place) }
        var filter = RecordFilter()
        filter.subject = "alice"
        let index = SearchIndex(folder.log, in: place, identities: [])
        let expected = try search(folder.log, filter, index).indices
        #expect(expected.count == 300)
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(place)/\(folder.log.id)")
        #expect(files.count == 2)
        let file = URL(filePath: "\(place)/\(folder.log.id)/\(try #require(files.min()))")
        let bytes = try [UInt8](Data(contentsOf: file))
        for position in stride(from: 0, to: bytes.count, by: 67) {
            var changed = bytes
            changed[position] ^= 0x20
            try Data(changed).write(to: file)
            #expect(try search(folder.log, filter, index).indices == expected, "\(position)")
        }
        try Data(bytes.dropLast()).write(to: file)
        #expect(try search(folder.log, filter, index).indices == expected)
        // Whole, but of the other segment.
        let other = URL(filePath: "\(place)/\(folder.log.id)/\(try #require(files.max()))")
        try Data(contentsOf: other).write(to: file)
        #expect(try search(folder.log, filter, index).indices == expected)
    }

    @Test func `a segment that is not sealed is searched without an index`() throws {
        var folder = try SampleFolder()
        try folder.requests(10)
        try folder.checkpoint()
        try folder.rotate()
        try folder.requests(10)
        try folder.checkpoint()
        try folder.save()
        let place = "\(folder.audit)-index"
        defer { try? FileManager.default.removeItem(atPath: place) }
        var filter = RecordFilter()
        filter.subject = "bob"
        let index = SearchIndex(folder.log, in: place, identities: [])
        let found = try search(folder.log, filter, index)
        #expect(found.indices.count == 10)
        #expect(found.count.indexedSegments == 1)
        // What comes later is found.
        try folder.requests(10)
        try folder.save()
        #expect(try search(folder.log, filter, index).indices.count == 15)
    }

    @Test func `an index reads back as it was written, and nothing else does`() throws {
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        let tokens = TokenHasher(first: 1, second: 2)
        var block = BlockSummary(offset: 4711)
        block.kinds = 0xF0F
        block.outcomes = 3
        block.statuses = [200, 404]
        block.firstTime = WallTime(microseconds: -5)
        block.lastTime = WallTime(microseconds: 5)
        block.filter = TokenFilter(hashes: [1, 2, 3])
        var many = block
        many.statuses = nil
        let index = SegmentIndex(
            ending: SegmentIndex.Ending(byteCount: 9000, sealOffset: 8000, sealDigest: .zero),
            hasher: tokens, blocks: [block, many])
        let bytes = index.bytes(&hasher)
        let again = SegmentIndex(bytes, &hasher)
        #expect(again == index)
        for length in 0..<bytes.count {
            let cut = SegmentIndex(Array(bytes[..<length]), &hasher)
            #expect(cut == nil)
        }
    }

    @Test func `a filter never misses, and seldom errs`() {
        let tokens = TokenHasher(first: 7, second: 9)
        func hash(_ number: Int) -> UInt64 { tokens.hash(.subject, "\(number)".utf8) }
        for count in [0, 1, 10, 1000] {
            let filter = TokenFilter(hashes: Set((0..<count).map(hash)))
            #expect((0..<count).allSatisfy { filter.mayHold(hash($0)) })
            let wrong = (count..<count + 10_000).count { filter.mayHold(hash($0)) }
            #expect(wrong < 100, "\(wrong) of 10,000 with \(count) values")
        }
        #expect(tokens.hash(.subject, "a".utf8) != tokens.hash(.route, "a".utf8))
        #expect(tokens.hash(address: "::ffff:10.0.0.1") == tokens.hash(address: "10.0.0.1"))
        #expect(tokens.hash(address: "p:abc") != tokens.hash(address: "p:abd"))
    }

    @Test(
        arguments: [
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.0/24", "192.0.2.8", true), ("192.0.2.0/24", "192.0.3.8", false),
            ("2001:db8::/32", "2001:db8:1::1", true), ("2001:DB8::1", "2001:db8::1", true),
            ("pseudonym", "pseudonym", true), ("192.0.2.0/99", "192.0.2.1", false),
        ] as [(String, String, Bool)])
    func `clients are found by address and block`(wanted: String, text: String, isFound: Bool) {
        #expect(ClientAddresses(wanted).contains(text) == isFound)
    }

    private func search(
        _ log: LogFolder, _ filter: RecordFilter, _ index: SearchIndex?
    ) throws -> (indices: [UInt64], count: ScanCount) {
        var indices: [UInt64] = []
        let found = try filter.search(log, index: index) { record in
            indices.append(record.index)
            return true
        }
        #expect(found.complaints == [])
        return (indices, found.count)
    }
}
