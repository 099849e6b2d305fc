import AuditSegments
import Crypto
import Primitives
import Testing

@Suite struct VerifiedPrefixTests {
    /// Three segments of two boots with whole tiles, and the numbers of the segments.
    private static func log() throws -> (files: MemoryFiles, segments: [UInt64]) {
        var log = try SampleLog()
        var numbers: [UInt64] = [log.number]
        log.begin(boot: 1)
        try log.add([(6, "{\"boot\":\"\(UInt64(1).hexText)\",\"event\":\"start\"}")])
        // A long request's number is taken early and recorded late.
        try log.requests(boot: 1, 1...300)
        try log.checkpoint()
        try log.requests(boot: 1, 302...400)
        try log.checkpoint()
        log.seal()
        numbers.append(log.number)
        log.begin(boot: 1)
        try log.add([(3, SampleLog.core(boot: 1, worker: 0, 301))])
        try log.add([(6, beat(1, 400))])
        try log.requests(boot: 1, 401...700)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        numbers.append(log.number)
        log.begin(boot: 2)
        try log.requests(boot: 2, 1...3)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        return (log.files, numbers)
    }

    private static func beat(_ boot: UInt64, _ last: Int) -> String {
        "{\"boot\":\"\(boot.hexText)\",\"event\":\"heartbeat\",\"sequences\":[\(last)]}"
    }

    private func verify(
        _ files: MemoryFiles, _ scope: VerificationScope = .whole,
        keep: (VerifiedPrefix) -> Void = { _ in }
    ) throws -> VerificationReport {
        let verifier = try LogVerifier(source: files, key: try Vectors.key())
        return verifier.verify(scope, keep: keep)
    }

    private func prefixes(_ files: MemoryFiles) throws -> [VerifiedPrefix] {
        var found: [VerifiedPrefix] = []
        _ = try verify(files) { found.append($0) }
        return found
    }

    @Test func `what was proven is kept after each sealed segment, and read again`() throws {
        let (files, numbers) = try Self.log()
        let whole = try verify(files)
        #expect(whole.findings == [])
        let kept = try prefixes(files)
        #expect(kept.map(\.size) == [400, 703, 707])
        for prefix in kept {
            let bytes = prefix.value.bytes
            let again = try #require(VerifiedPrefix(json: CanonicalObject(bytes)))
            #expect(again.value.bytes == bytes)
            let report = try verify(files, .resumed(again))
            #expect(report.findings == [])
            #expect(report.start == prefix.size)
            #expect(report.root == whole.root)
            #expect(report.size == whole.size)
            #expect(report.kinds == whole.kinds)
            #expect(report.checkpoints == whole.checkpoints)
            #expect(report.frames == whole.frames)
            #expect(report.boots == whole.boots)
            #expect(report.segments == numbers.count)
        }
    }

    @Test func `a resumed verification ends with the same state`() throws {
        let (files, _) = try Self.log()
        let kept = try prefixes(files)
        var last: VerifiedPrefix?
        _ = try verify(files, .resumed(kept[0])) { last = $0 }
        // Tiles are counted as they are compared, which the edge of the tree changes.
        #expect(last?.root == kept[2].root)
        #expect(last?.size == kept[2].size)
    }

    @Test func `a missing number is found also when its boot was verified before`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...5)
        try log.checkpoint()
        log.seal()
        log.begin(boot: 1)
        try log.requests(boot: 1, 7...9)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        let kept = try prefixes(log.files)
        #expect(kept.count == 2)
        let missing = Problem.sequenceMissing(boot: 1, worker: 0, from: 6, through: 6)
        for prefix in kept {
            #expect(
                try verify(log.files, .resumed(prefix)).findings.map(\.problem) == [missing])
        }
        #expect(try verify(log.files).findings.map(\.problem) == [missing])
    }

    @Test func `history that was rewritten since is found`() throws {
        let (files, _) = try Self.log()
        let (other, _) = try Self.log()
        let prefix = try prefixes(files)[1]
        // The salts differ, and so do all entries.
        let problems = try verify(other, .resumed(prefix)).findings.map(\.problem)
        #expect(problems.contains(.historyDiffers(size: 703)))
    }

    @Test func `a segment that was verified and is gone is found`() throws {
        let (files, numbers) = try Self.log()
        let prefix = try prefixes(files)[1]
        var changed = files
        changed.contents["segments/\(LogLayout.segmentName(numbers[0]))"] = nil
        #expect(
            try verify(changed, .resumed(prefix)).findings.map(\.problem) == [.segmentMissing])
        changed = files
        changed.contents["segments/\(LogLayout.segmentName(numbers[2]))"] = nil
        #expect(try !verify(changed, .resumed(prefix)).holds)
    }

    @Test func `every bit of what is left is still looked at`() throws {
        let (files, numbers) = try Self.log()
        let prefix = try prefixes(files)[0]
        for number in numbers[1...] {
            let name = "segments/\(LogLayout.segmentName(number))"
            let count = files.contents[name]?.count ?? 0
            for position in stride(from: 0, to: count, by: 97) {
                var changed = files
                changed.contents[name]?[position] ^= 4
                #expect(try !verify(changed, .resumed(prefix)).holds, "\(name) \(position)")
                let since = VerificationScope.since(segment: numbers[1])
                #expect(try !verify(changed, since).holds, "\(name) \(position)")
            }
        }
    }

    @Test func `a verification may begin at any segment`() throws {
        let (files, numbers) = try Self.log()
        let whole = try verify(files)
        for (number, start) in zip(numbers, [UInt64(0), 400, 703]) {
            let report = try verify(files, .since(segment: number))
            #expect(report.findings == [], "\(number)")
            #expect(report.start == start)
            #expect(report.root == whole.root)
            #expect(report.checkpointSize == 707)
        }
        // Nothing before is read, so nothing before is missed.
        var changed = files
        changed.contents["segments/\(LogLayout.segmentName(numbers[0]))"] = []
        #expect(try verify(changed, .since(segment: numbers[1])).findings == [])
    }

    @Test func `tiles that don't lead to what is signed are found`() throws {
        let (files, numbers) = try Self.log()
        for tile in ["tlog/tile/1/000.p/1", "tlog/tile/0/001.p/144"] {
            var changed = files
            changed.contents[tile]?[20] ^= 1
            let report = try verify(changed, .since(segment: numbers[1]))
            #expect(!report.holds, "\(tile)")
        }
        var changed = files
        for path in files.contents.keys where path.hasPrefix("tlog/tile/0/001") {
            changed.contents[path] = nil
        }
        let problems = try verify(changed, .since(segment: numbers[1])).findings.map(\.problem)
        #expect(problems.contains(.beginningUnprovable(.tileMissing(level: 0, index: 1))))
    }

    @Test func `numbers after the first heartbeat have to be there`() throws {
        for (isBeating, isFound) in [(true, true), (false, false)] {
            var log = try SampleLog()
            log.begin(boot: 1)
            try log.requests(boot: 1, 1...5)
            try log.checkpoint()
            log.seal()
            let second = log.number
            log.begin(boot: 1)
            try log.requests(boot: 1, 8...8)
            if isBeating { try log.add([(6, Self.beat(1, 8))]) }
            try log.requests(boot: 1, 10...11)
            try log.add([(6, "{\"event\":\"stop\"}")])
            try log.checkpoint()
            log.seal()
            let problems = try verify(log.files, .since(segment: second)).findings.map(\.problem)
            let missing = Problem.sequenceMissing(boot: 1, worker: 0, from: 9, through: 9)
            #expect(problems == (isFound ? [missing] : []))
        }
    }

    @Test(arguments: [
        "{}", "{\"format\":2}", "{\"format\":1,\"origin\":\"a\"}", "[]", "",
    ])
    func `anything else is no state`(text: String) {
        #expect(VerifiedPrefix(json: CanonicalObject(Array(text.utf8))) == nil)
    }

    @Test func `a tree taken from its tiles grows like the one that made them`() throws {
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        var whole = LogTree()
        var tiles: [String: [UInt8]] = [:]
        let entries = (0..<1100).map { number in
            Array("al1".utf8) + [3]
                + hasher.plain([UInt8(number % 256), UInt8(number / 256)].span)
                .bytes
        }
        for entry in entries { whole.append(entry.span, &hasher) }
        for path in whole.tiles(since: 0) { tiles[path.text] = whole.bytes(of: path) }
        var files = MemoryFiles()
        for (path, bytes) in tiles { files.contents["tlog/\(path)"] = bytes }
        for size in [0, 1, 255, 256, 257, 512, 700, 1024, 1099, 1100] {
            var tree = try LogTree(
                size: UInt64(size), tiles: files.tile, hasher: &hasher)
            for entry in entries[size...] { tree.append(entry.span, &hasher) }
            #expect(tree.root(&hasher) == whole.root(&hasher), "\(size)")
            for path in whole.tiles(since: UInt64(size)) {
                #expect(tree.bytes(of: path) == whole.bytes(of: path), "\(size) \(path.text)")
            }
        }
    }
}
