import AuditRecords
import AuditSegments
import Crypto
import Primitives
import Testing

/// Logs whose first segments were deleted.
@Suite struct PrunedLogTests {
    /// Three segments of one boot, the last with a leaf that allows deletion of what is before
    /// `minimum` records.
    private static func log(minimum: UInt64?) throws -> (files: MemoryFiles, segments: [UInt64]) {
        var log = try SampleLog()
        var numbers: [UInt64] = []
        for (place, sequences) in [1...300, 301...500].enumerated() {
            numbers.append(log.number)
            log.begin(boot: 1)
            if place == 0 {
                try log.add([(6, "{\"boot\":\"\(UInt64(1).hexText)\",\"event\":\"start\"}")])
            }
            try log.requests(boot: 1, sequences.lowerBound...(sequences.lowerBound + 99))
            try log.checkpoint()
            try log.requests(boot: 1, (sequences.lowerBound + 100)...sequences.upperBound)
            try log.checkpoint()
            log.seal()
        }
        numbers.append(log.number)
        log.begin(boot: 1)
        try log.requests(boot: 1, 501...520)
        if let minimum {
            try log.add([(9, "{\"event\":\"pruned\",\"first\":\(minimum)}")])
        }
        try log.checkpoint()
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        return (log.files, numbers)
    }

    private func verify(
        _ files: MemoryFiles, _ scope: VerificationScope = .whole,
        keep: (VerifiedPrefix) -> Void = { _ in }
    ) throws -> VerificationReport {
        let verifier = try LogVerifier(source: files, key: try Vectors.key())
        return verifier.verify(scope, keep: keep)
    }

    private func prune(_ files: MemoryFiles, _ numbers: [UInt64]) -> MemoryFiles {
        var pruned = files
        for number in numbers {
            pruned.contents["segments/\(LogLayout.segmentName(number))"] = nil
        }
        return pruned
    }

    @Test func `a deletion that a leaf allows is no tamper, and everything left is proven`() throws
    {
        let (files, numbers) = try Self.log(minimum: 301)
        let whole = try verify(files)
        #expect(whole.findings.map(\.problem) == [.pruningUnfinished])
        let report = try verify(prune(files, [numbers[0]]))
        #expect(report.findings.map(\.problem) == [.pruned(records: 301)])
        #expect(report.holds)
        #expect(report.root == whole.root)
        #expect(report.pruned == 301)
        #expect(report.minimum == 301)
        #expect(report.kinds == whole.kinds)
        #expect(report.checkpoints == whole.checkpoints)
        #expect(report.tiles == whole.tiles)
    }

    @Test func `a deletion that no leaf allows is named`() throws {
        let (files, numbers) = try Self.log(minimum: nil)
        #expect(
            try verify(prune(files, [numbers[0]])).findings.map(\.problem) == [
                .segmentsDeleted(before: 301, allowed: 0)
            ])
        let (some, places) = try Self.log(minimum: 301)
        #expect(
            try verify(prune(some, [places[0], places[1]])).findings.map(\.problem) == [
                .segmentsDeleted(before: 501, allowed: 301)
            ])
        // From the middle, whatever a leaf says.
        let (all, every) = try Self.log(minimum: 501)
        #expect(try !verify(prune(all, [every[1]])).holds)
        #expect(try verify(prune(all, [every[0], every[1]])).holds)
    }

    @Test func `a leaf about records behind it allows nothing`() throws {
        let (files, numbers) = try Self.log(minimum: 100_000)
        let problems = try verify(prune(files, [numbers[0]])).findings.map(\.problem)
        #expect(problems.contains(.minimumContradicts(index: 521)))
        #expect(problems.contains(.segmentsDeleted(before: 301, allowed: 0)))
    }

    @Test func `every tile and note about what is gone is still compared`() throws {
        let (files, numbers) = try Self.log(minimum: 501)
        let pruned = prune(files, Array(numbers[..<2]))
        #expect(try verify(pruned).holds)
        for (path, bytes) in pruned.contents {
            for position in stride(from: 0, to: bytes.count, by: 211) {
                var changed = pruned
                changed.contents[path]?[position] ^= 2
                #expect(try !verify(changed).holds, "\(path) \(position)")
            }
        }
        var missing = pruned
        missing.contents["tlog/tile/entries/000"] = nil
        #expect(try !verify(missing).holds)
    }

    @Test func `a verification goes on over a deletion`() throws {
        let (files, numbers) = try Self.log(minimum: 301)
        var kept: [VerifiedPrefix] = []
        _ = try verify(files) { kept.append($0) }
        #expect(kept.count == 3)
        let pruned = prune(files, [numbers[0]])
        for prefix in kept[..<2] {
            let report = try verify(pruned, .resumed(prefix))
            #expect(report.findings.map(\.problem) == [.pruned(records: 301)])
        }
        let unallowed = prune(files, [numbers[0], numbers[1]])
        #expect(
            try verify(unallowed, .resumed(kept[1])).findings.map(\.problem) == [
                .segmentMissing, .segmentMissing,
            ])
        // Begun after the deletion, too.
        var later: [VerifiedPrefix] = []
        _ = try verify(pruned) { later.append($0) }
        for prefix in later {
            let bytes = prefix.value.bytes
            let again = try #require(VerifiedPrefix(json: CanonicalObject(bytes)))
            #expect(again.value.bytes == bytes)
            #expect(try verify(pruned, .resumed(again)).holds)
        }
    }
}

@Suite struct LegalHoldTests {
    @Test func `holds read back as they were written, and nothing else holds less`() {
        var holds = LegalHolds()
        let hold = LegalHold(
            name: "case 12/26", setBy: "counsel", since: WallTime(microseconds: 5), first: 70)
        #expect(holds.firstHeld == nil)
        #expect(!holds.forbidsErasure)
        let isDone1 = holds.add(hold)
        #expect(isDone1)
        let isDone2 = holds.add(hold)
        #expect(!isDone2)
        let isDone3 = holds.add(LegalHold(name: "b", setBy: "c", since: hold.since, first: 40))
        #expect(isDone3)
        #expect(holds.firstHeld == 40)
        let bytes = holds.json
        #expect(LegalHolds(file: bytes) == holds)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            let read = LegalHolds(file: changed)
            #expect(read.firstHeld != nil, "\(position)")
        }
        #expect(LegalHolds(file: []).firstHeld == 0)
        #expect(LegalHolds(file: Array(bytes.dropLast())).firstHeld == 0)
        let isDone4 = holds.release("b")
        #expect(isDone4)
        let isDone5 = holds.release("b")
        #expect(!isDone5)
        #expect(holds.firstHeld == 70)
        let isDone6 = holds.release(hold.name)
        #expect(isDone6)
        #expect(holds.firstHeld == nil)
        #expect(!LegalHolds.everything.members.isEmpty)
    }

    @Test(arguments: ["", "a\"b", "a\nb", "\u{202E}x", String(repeating: "x", count: 201), "a\\b"])
    func `a name is harmless`(text: String) {
        #expect(!LegalHold.isName(text))
        #expect(LegalHold.isName("case 12/26 (§ 3)"))
    }
}
