import AuditSegments
import Crypto
import Primitives
import Testing

/// What somebody who can write to the disk, and holds no key, may try beyond flipping bits.
@Suite struct LogVerifierAttackTests {
    @Test func `a thousand notices do not hide what is broken`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        let gaps = (1...1001).map { number -> (kind: UInt8, core: String) in
            (7, gap(boot: 1, from: number * 2, to: number * 2))
        }
        for start in stride(from: 0, to: gaps.count, by: 200) {
            try log.add(Array(gaps.dropFirst(start).prefix(200)))
        }
        for number in stride(from: 1, through: 2003, by: 2) {
            try log.requests(boot: 1, number...number)
        }
        try log.requests(boot: 1, 2003...2003)
        try end(&log, boot: 1)
        let report = try verify(log.files)
        #expect(report.heaviest == .broken)
        #expect(report.findingsOmitted == 1)
        let problems = report.findings.map(\.problem)
        #expect(problems.last == .sequenceRepeated(boot: 1, worker: 0, sequence: 2003))
    }

    @Test func `a log that is cut at a checkpoint and sealed by hand does not just hold`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        log.seal()
        let report = try verify(log.files)
        #expect(report.findings.map(\.problem) == [.unstopped])
        #expect(!report.holds)
    }

    @Test func `a boot without a stop that the next head calls clean is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        log.seal()
        log.begin(boot: 2)
        try log.requests(boot: 2, 1...2)
        try end(&log, boot: 2)
        #expect(try verify(log.files).findings.map(\.problem) == [.uncleanHidden])
    }

    @Test func `times of a batch that are not its records' are named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        let boot = UInt64(1).hexText
        // The first record is at time 0, the second at 1.
        let cores = [(1, 0), (2, 1)].map { sequence, time in
            "{\"boot\":\"\(boot)\",\"seq\":\(sequence),\"ts\":\(time),\"worker\":0}"
        }
        try log.add(cores.map { (3, $0) })
        try log.add([
            (3, "{\"boot\":\"\(boot)\",\"seq\":3,\"ts\":9,\"worker\":0}")
        ])
        try end(&log, boot: 1)
        #expect(try verify(log.files).findings.map(\.problem) == [.batchTimes])
    }

    @Test func `a head that names another boot than its records is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 9)
        try log.requests(boot: 1, 1...1)
        try end(&log, boot: 9)
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems == [.bootContradicts(index: 0)])
    }

    @Test func `a gap without an end that reaches over records is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.requests(boot: 1, 4...5)
        try log.add([(7, gap(boot: 1, from: 3, to: nil))])
        try end(&log, boot: 1)
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems.contains(.gapContradicts(boot: 1, worker: 0, from: 3)))
        #expect(try verify(log.files).heaviest == .broken)
    }

    @Test func `a log that has lost its checkpoints is not called signed`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        #expect(try verify(log.files).findings.last?.problem == .unsigned(entries: 2))
        try log.checkpoint()
        try log.requests(boot: 1, 3...4)
        #expect(try verify(log.files).findings.last?.problem == .uncovered(entries: 2))
        log.end()
        // Each segment begins with a checkpoint of what is before it, or ends the log.
        log.begin(boot: 2, isClean: false)
        try log.requests(boot: 2, 1...2)
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems.contains(.unsigned(entries: 4)))
        log.seal()
        #expect(
            try verify(log.files).findings.map(\.problem).contains(.sealUncovered(entries: 4)))
    }

    @Test func `a head that names another build than the start is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add([
            (6, "{\"boot\":\"0000000000000001\",\"build\":\"other\",\"event\":\"start\"}")
        ])
        try end(&log, boot: 1)
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems == [.startContradicts(index: 0)])
    }

    @Test func `gaps of any width are counted without an overflow`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add(
            (0..<30).map { worker in
                (
                    7,
                    """
                    {"gap":{"boot":"0000000000000001","from":1,"to":999999999999999999,\
                    "worker":\(worker)}}
                    """
                )
            })
        try end(&log, boot: 1)
        let report = try verify(log.files)
        #expect(report.gapNumbers == .max)
        #expect(report.gapReasons == ["": .max])
    }

    @Test func `a frame with the last of all numbers is refused, not followed`() throws {
        var files = try SampleLog.small()
        let first = "segments/\(LogLayout.segmentName(0))"
        var bytes = try #require(files.contents[first])
        for position in 8..<16 { bytes[position] = 0xFF }
        files.contents["segments/\(LogLayout.segmentName(.max))"] = bytes
        #expect(try verify(files).heaviest == .broken)
        let header = Result { () throws(EvidenceError) in try FrameHeader(bytes.span) }
        #expect(throws: EvidenceError.frame(.number(found: .max))) { _ = try header.get() }
    }

    @Test func `decisions and completions belong together`() throws {
        let boot = UInt64(1).hexText
        func completion(_ sequence: Int, of link: Int) -> (kind: UInt8, core: String) {
            (2, "{\"boot\":\"\(boot)\",\"link\":\(link),\"seq\":\(sequence),\"worker\":0}")
        }
        func decision(_ sequence: Int) -> (kind: UInt8, core: String) {
            (1, SampleLog.core(boot: 1, worker: 0, sequence))
        }
        func report(_ more: [(kind: UInt8, core: String)]) throws -> VerificationReport {
            var log = try SampleLog()
            log.begin(boot: 1)
            try log.add([decision(1), decision(2), completion(3, of: 1), decision(4)])
            try log.add([completion(5, of: 2), (7, gap(boot: 1, from: 6, to: 6))])
            // Its decision was dropped, as a leaf says.
            try log.add([completion(7, of: 6)] + more)
            try end(&log, boot: 1)
            return try verify(log.files)
        }
        let whole = try report([])
        #expect(whole.holds)
        #expect(
            whole.findings.map(\.problem) == [
                .gap(boot: 1, worker: 0, from: 6, through: 6),
                .decisionsOpen(boot: 1, worker: 0, count: 1),
            ])
        // A later completion puts right what the first one said.
        #expect(try report([completion(8, of: 2)]).holds)
        let problems = try report([completion(8, of: 9), completion(9, of: 9)])
            .findings.map(\.problem)
        #expect(problems.contains(.completionUnpaired(index: 7)))
        #expect(problems.contains(.completionUnpaired(index: 8)))
    }

    @Test func `a completion finds its decision, also when the verification goes on later`() throws
    {
        let boot = UInt64(1).hexText
        func completion(_ sequence: Int, of link: Int) -> (kind: UInt8, core: String) {
            (2, "{\"boot\":\"\(boot)\",\"link\":\(link),\"seq\":\(sequence),\"worker\":0}")
        }
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add([(1, SampleLog.core(boot: 1, worker: 0, 1))])
        try log.checkpoint()
        log.seal()
        log.begin(boot: 1)
        try log.add([completion(2, of: 1)])
        try log.checkpoint()
        log.seal()
        var kept: [VerifiedPrefix] = []
        let key = try Vectors.key()
        _ = try LogVerifier(source: log.files, key: key).verify(keep: { kept.append($0) })
        #expect(kept.count == 2)
        log.begin(boot: 1)
        try log.add([completion(3, of: 1), completion(4, of: 9)])
        try end(&log, boot: 1)
        for prefix in kept {
            let read = try #require(VerifiedPrefix(json: CanonicalObject(prefix.value.bytes)))
            let report = try LogVerifier(source: log.files, key: key).verify(.resumed(read))
            let broken = report.findings.filter { $0.weight == .broken }.map(\.problem)
            #expect(broken == [.completionUnpaired(index: 3)])
        }
    }

    @Test(arguments: [
        #"{"boot":"0000000000000001","seq":1,"seq":2,"worker":0}"#,
        #"{"seq":1,"boot":"0000000000000001","worker":0}"#,
        #"{"boot":"0000000000000001","seq":1,"worker":0} {}"#,
        #"{"boot":"0000000000000001","seq":1,"worker":0},}"#,
    ])
    func `a record that two readers may read as two is named`(core: String) throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add([(3, core)])
        try end(&log, boot: 1)
        #expect(try verify(log.files).findings.map(\.problem).contains(.recordMalformed(index: 0)))
        #expect(try verify(log.files).heaviest == .broken)
    }

    @Test func `an older checkpoint published over a log that ended is named`() throws {
        var files = try SampleLog.small()
        let notes = NoteFile.notes(in: try #require(files.contents["notes/20260101.notes"]))
        for note in notes.dropLast() {
            files.contents[LogLayout.checkpoint] = note
            #expect(try verify(files).findings.map(\.problem) == [.publishedBehind])
            #expect(try verify(files).heaviest == .broken)
        }
    }

    @Test func `torn tails and their leaves belong together`() throws {
        let tail: [UInt8] = Array("ALF1 and not the rest".utf8)
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        let digest = hasher.plain(tail.span).hexText
        let name = LogLayout.segmentName(0)
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add([
            (
                6,
                """
                {"event":"torn","len":\(tail.count),"segment":"\(name)","sha256":"\(digest)"}
                """
            )
        ])
        try end(&log, boot: 1)
        var files = log.files
        files.contents["segments/\(name).torn"] = tail
        #expect(try verify(files).findings.map(\.problem) == [.tornFile])
        #expect(try verify(files).holds)
        #expect(
            try verify(log.files).findings.map(\.problem) == [.tornFileMissing(segment: name)])
        files.contents["segments/\(name).torn2"] = [1]
        #expect(try verify(files).heaviest == .unfinished)
        files.contents["segments/\(name).torn"] = [2]
        #expect(try verify(files).heaviest == .broken)
        files.contents["segments/x.torn"] = [2]
        #expect(try verify(files).findings.contains { $0.problem == .segmentUnknown })
    }

    @Test func `frames of another log of the same key are named`() throws {
        let honest = try SampleLog.small()
        var other = try SampleLog()
        other.begin(boot: 1)
        try other.requests(boot: 1, 11...12)
        try other.checkpoint()
        try other.requests(boot: 1, 13...14)
        try end(&other, boot: 1)
        var spliced = honest
        let first = "segments/\(LogLayout.segmentName(0))"
        spliced.contents[first] = other.files.contents[first]
        #expect(try verify(spliced).heaviest == .broken)
        for (path, bytes) in other.files.contents where honest.contents[path] != nil {
            var mixed = honest
            mixed.contents[path] = bytes
            guard mixed != honest else { continue }
            #expect(try !verify(mixed).holds, "\(path)")
        }
    }

    private func gap(boot: UInt64, from: Int, to: Int?) -> String {
        let end = to.map { ",\"to\":\($0)" } ?? ""
        return "{\"gap\":{\"boot\":\"\(boot.hexText)\",\"from\":\(from)\(end),\"worker\":0}}"
    }

    /// A stop, its checkpoint and the seal.
    private func end(_ log: inout SampleLog, boot: UInt64) throws {
        try log.add([(6, "{\"boot\":\"\(boot.hexText)\",\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
    }

    private func verify(_ files: MemoryFiles) throws -> VerificationReport {
        let verifier = try LogVerifier(source: files, key: try Vectors.key())
        return verifier.verify()
    }
}
