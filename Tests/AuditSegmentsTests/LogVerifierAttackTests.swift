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
