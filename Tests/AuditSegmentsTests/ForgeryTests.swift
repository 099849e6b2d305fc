import AuditSegments
import Crypto
import Primitives
import Testing

/// Logs that were rewritten with care: everything that needs no key fits again.
@Suite struct ForgeryTests {
    @Test func `a log that is only taken apart and put together again holds`() throws {
        let files = try SampleLog.small()
        #expect(try Forger(files).files() == files)
    }

    @Test func `a batch that is left out, doubled or moved is found`() throws {
        let honest = try Forger(try SampleLog.small())
        for (segment, piece) in honest.places(.batch) {
            let batch = honest.segments[segment][piece]
            var without = honest
            without.segments[segment].remove(at: piece)
            try expectBroken(without, "without \(segment).\(piece)")
            var doubled = honest
            doubled.segments[segment].insert(batch, at: piece)
            try expectBroken(doubled, "doubled \(segment).\(piece)")
            for (otherSegment, other) in honest.places(.batch)
            where (otherSegment, other) > (segment, piece) {
                var swapped = honest
                swapped.segments[segment][piece] = honest.segments[otherSegment][other]
                swapped.segments[otherSegment][other] = batch
                try expectBroken(swapped, "\(segment).\(piece) and \(otherSegment).\(other)")
            }
        }
    }

    @Test func `a segment that is left out, doubled or moved is found`() throws {
        let honest = try Forger(try SampleLog.small())
        var first = honest
        first.segments.removeFirst()
        try expectBroken(first, "without the first")
        var turned = honest
        turned.segments.reverse()
        try expectBroken(turned, "reversed")
        var doubled = honest
        doubled.segments.append(honest.segments[0])
        try expectBroken(doubled, "the first again")
    }

    @Test func `the boundary between two boots can't be moved`() throws {
        let honest = try Forger(try SampleLog.small())
        var joined = honest
        // The seal of the first and the head of the second go.
        joined.segments[0].removeLast()
        joined.segments[0] += honest.segments[1].dropFirst()
        joined.segments.removeLast()
        try expectBroken(joined, "one segment")
    }

    @Test func `a record that was made up is found under any boot and number`() throws {
        for (boot, sequence) in [(1, 3), (1, 5), (2, 3), (2, 4), (3, 1)] {
            var log = try SampleLog()
            log.begin(boot: 1)
            try log.requests(boot: UInt64(boot), sequence...sequence)
            let forged = try Forger(log.files).segments[0][1]
            let honest = try Forger(try SampleLog.small())
            for (segment, piece) in honest.places(.batch) {
                var added = honest
                added.segments[segment].insert(forged, at: piece)
                try expectBroken(added, "\(boot).\(sequence) before \(segment).\(piece)")
                var replaced = honest
                replaced.segments[segment][piece] = forged
                try expectBroken(replaced, "\(boot).\(sequence) for \(segment).\(piece)")
            }
        }
    }

    @Test func `a head that says anything else is found`() throws {
        let honest = try Forger(try ForgeryTests.started())
        #expect(try report(honest).holds)
        let changes: [(String, (inout SegmentHead) -> Void)] = [
            ("origin", { $0.origin += "x" }),
            ("key", { $0.verifierKey += "A" }),
            ("recipients", { $0.recipients = ["age1x"] }),
            ("boot", { $0.boot += 1 }),
            ("build", { $0.build = "other" }),
            ("settings", { $0.settingsDigest = Digest256(words: (1, 2, 3, 4)) }),
        ]
        for segment in honest.segments.indices {
            for (name, change) in changes {
                var forged = honest
                try forged.changeHead(segment, change)
                try expectBroken(forged, "\(name) of \(segment)")
            }
        }
    }

    @Test func `a boot that comes back after another one is found`() throws {
        var log = try SampleLog()
        for boot in [UInt64(1), 2, 1] {
            log.begin(boot: boot)
            let isBack = log.number > 10
            try log.requests(boot: boot, isBack ? 4...5 : 1...3)
            try log.add([(6, "{\"event\":\"stop\"}")])
            try log.checkpoint()
            log.seal()
        }
        let report = try LogVerifier(source: log.files, key: try Vectors.key()).verify()
        #expect(report.findings.map(\.problem) == [.headContradicts])
    }

    @Test func `notes of another tree, order or origin are found`() throws {
        let honest = try Forger(try SampleLog.small())
        let places = honest.places(.checkpoint)
        for (position, place) in places.enumerated() {
            for other in places[(position + 1)...] {
                var swapped = honest
                swapped.segments[place.segment][place.piece] =
                    honest.segments[other.segment][other.piece]
                swapped.segments[other.segment][other.piece] =
                    honest.segments[place.segment][place.piece]
                try expectBroken(swapped, "notes \(place) and \(other)")
            }
        }
        var signer = try CheckpointSigner(
            origin: "audit.example/proxy-2", signingKey: try Vectors.signingKey())
        let stranger = try signer.sign(size: 2, root: .zero)
        var forged = honest
        forged.segments[places[0].segment][places[0].piece].clear = stranger
        try expectBroken(forged, "another log's note under the same key")
    }

    @Test func `a log cut behind any frame, and made to fit, does not just hold`() throws {
        let honest = try Forger(try SampleLog.small())
        let whole = try report(honest)
        for segment in honest.segments.indices {
            for count in 1..<honest.segments[segment].count {
                var cut = honest
                cut.segments.removeLast(honest.segments.count - segment - 1)
                cut.segments[segment].removeLast(honest.segments[segment].count - count)
                let found = try report(cut)
                #expect(!found.holds, "\(count) frames of segment \(segment)")
                // What a checkpoint kept elsewhere covers is more than is left.
                #expect(
                    found.size < whole.checkpointSize || found.heaviest == .unfinished,
                    "\(count) frames of segment \(segment)")
            }
        }
    }

    @Test func `an older checkpoint and the tree that belongs to it are a shorter log`() throws {
        let honest = try Forger(try SampleLog.small())
        var older = honest
        older.segments.removeLast()
        // The first boot ended in order: nothing inside the folder tells that a second one was.
        let found = try report(older)
        let whole = try report(honest)
        #expect(found.holds)
        #expect(found.size == 5)
        // Whoever kept the newer checkpoint sees it: its entries are not there.
        #expect(found.size < whole.checkpointSize)
    }

    @Test func `with the signing key anything can be written, but not under an old root`() throws {
        let honest = try Forger(try SampleLog.small())
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add(
            (1...2).map { number in
                let boot = UInt64(1).hexText
                return (
                    3, "{\"boot\":\"\(boot)\",\"forged\":1,\"seq\":\(number),\"worker\":0}"
                )
            })
        var forged = honest
        forged.segments[0][1] = try Forger(log.files).segments[0][1]
        try expectBroken(forged, "without the key")
        let files = try forged.files(signingWith: try Vectors.signingKey())
        let found = try LogVerifier(source: files, key: try Vectors.key()).verify()
        // Nothing inside the log tells; a checkpoint that left the host does (--against).
        #expect(found.holds)
        let whole = try report(honest)
        #expect(found.size == whole.size)
        #expect(found.root != whole.root)
    }

    @Test func `files of two logs of one key, mixed in any way, are found`() throws {
        let honest = try SampleLog.small()
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        try log.requests(boot: 1, 3...4)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        // The same shape, other salts: every hash differs.
        let first = try Forger(honest)
        let second = try Forger(log.files)
        for (position, piece) in first.segments[0].enumerated() where piece.type != .head {
            guard piece.type != .seal else { continue }
            var mixed = first
            mixed.segments[0][position] = second.segments[0][position]
            try expectBroken(mixed, "frame \(position)")
        }
        var spliced = first
        spliced.segments[0] = second.segments[0]
        try expectBroken(spliced, "segment 0")
    }

    /// A log whose heads are borne out by start leaves, as the writer's are.
    static func started() throws -> MemoryFiles {
        var log = try SampleLog()
        for boot in UInt64(1)...2 {
            log.begin(boot: boot)
            let name = boot.hexText
            let settings = Digest256.zero.hexText
            try log.add([
                (
                    6,
                    """
                    {"boot":"\(name)","build":"test","config":"\(settings)","event":"start",\
                    "workers":1}
                    """
                )
            ])
            try log.requests(boot: boot, 1...3)
            try log.add([(6, "{\"boot\":\"\(name)\",\"event\":\"stop\"}")])
            try log.checkpoint()
            log.seal()
        }
        return log.files
    }

    private func report(_ forger: Forger) throws -> VerificationReport {
        try LogVerifier(source: try forger.files(), key: try Vectors.key()).verify()
    }

    private func expectBroken(
        _ forger: Forger, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try report(forger)
        #expect(
            found.heaviest == .broken, "\(what): \(found.findings.map(\.problem))",
            sourceLocation: sourceLocation)
    }
}
