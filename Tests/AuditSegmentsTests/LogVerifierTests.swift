import AuditSegments
import Crypto
import Foundation
import Primitives
import Testing

@Suite struct LogVerifierTests {
    @Test func `a whole log holds, and is counted`() throws {
        let report = try verify(try SampleLog.small())
        #expect(report.findings == [])
        #expect(report.holds)
        #expect(report.size == 9)
        #expect(report.checkpointSize == 9)
        #expect(report.segments == 2)
        #expect(report.checkpoints == 3)
        #expect(report.boots == 2)
        #expect(report.kinds[3] == 7)
        #expect(report.kinds[6] == 2)
    }

    @Test func `a bit flipped in any byte of any file is found`() throws {
        // EVERY_BIT=1 flips all eight of each byte instead of one, which takes a minute.
        let isWhole = ProcessInfo.processInfo.environment["EVERY_BIT"] != nil
        let files = try SampleLog.small()
        for (path, bytes) in files.contents.sorted(by: { $0.key < $1.key }) {
            for bit in stride(from: 0, to: bytes.count * 8, by: isWhole ? 1 : 9) {
                var changed = files
                changed.contents[path]?[bit / 8] ^= 1 << UInt8(bit % 8)
                let holds = try verify(changed).holds
                #expect(!holds, "\(path) bit \(bit)")
            }
        }
    }

    @Test func `any file that is missing, cut or longer is found`() throws {
        let files = try SampleLog.small()
        for (path, bytes) in files.contents {
            // A partial tile of an older checkpoint may be removed.
            let size = TilePath(String(path.dropFirst(5)))?.width ?? 0
            for content in [nil, Array(bytes.dropLast()), bytes + [0]]
            where content != nil || size == 0 {
                var changed = files
                changed.contents[path] = content
                let holds = try verify(changed).holds
                #expect(!holds, "\(path) \(content?.count ?? -1)")
            }
        }
    }

    @Test func `whole tiles are compared, and bits flipped in them found`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        for start in stride(from: 1, to: 600, by: 60) {
            try log.requests(boot: 1, start...(start + 59))
            try log.checkpoint()
        }
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        let report = try verify(log.files)
        #expect(report.findings == [])
        #expect(report.tiles > 12)
        for (path, bytes) in log.files.contents where path.contains("/tile/") {
            for position in stride(from: 0, to: bytes.count, by: 1501) {
                var changed = log.files
                changed.contents[path]?[position] ^= 0x10
                let problems = try verify(changed).findings.map(\.problem)
                #expect(problems == [.tileDiffers], "\(path) byte \(position)")
            }
        }
        for path in ["tlog/tile/0/000", "tlog/tile/entries/001", "tlog/tile/1/000.p/2"] {
            var changed = log.files
            changed.contents[path] = nil
            let findings = try verify(changed).findings
            #expect(findings.map(\.problem) == [.tileMissing], "\(path)")
            #expect(findings.map(\.file) == [path])
        }
        var changed = log.files
        changed.contents["tlog/tile/0/003"] = [1]
        #expect(try verify(changed).findings.map(\.problem) == [.tileUnknown])
    }

    @Test func `another key, and another root under the right key, do not hold`() throws {
        let files = try SampleLog.small()
        let other = try NoteKey(
            name: "audit.example/proxy-1", publicKey: try SigningKey.generate().publicKey)
        let verifier = try LogVerifier(source: files, key: other)
        let report = verifier.verify()
        #expect(report.findings.contains { $0.problem == .headContradicts })
        #expect(report.findings.contains { $0.problem == .checkpoint(.signatureMissing) })

        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        var forged = LogTree()
        forged.append([UInt8](repeating: 1, count: 36).span, &log.maker.hasher)
        forged.append([UInt8](repeating: 2, count: 36).span, &log.maker.hasher)
        log.tree = consume forged
        try log.checkpoint()
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems.contains(.checkpointRoot(size: 2)))
    }

    @Test func `a number that is missing or doubled is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 2...3)
        try log.requests(boot: 1, worker: 1, 1...3)
        try log.requests(boot: 1, worker: 1, 3...3)
        try log.requests(boot: 1, worker: 1, 6...8)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(
            problems == [
                .sequenceRepeated(boot: 1, worker: 1, sequence: 3),
                .sequenceMissing(boot: 1, worker: 0, from: 1, through: 1),
                .sequenceMissing(boot: 1, worker: 1, from: 4, through: 5),
            ])
    }

    @Test func `numbers that a stop says were taken have to be there`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        let boot = UInt64(1).hexText
        try log.add([
            (6, "{\"boot\":\"\(boot)\",\"event\":\"stop\",\"sequences\":[4,1]}")
        ])
        try log.checkpoint()
        log.seal()
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(
            problems == [
                .sequenceMissing(boot: 1, worker: 0, from: 3, through: 4),
                .sequenceMissing(boot: 1, worker: 1, from: 1, through: 1),
            ])
    }

    @Test func `gap leaves account for numbers, also to an unknown end`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.requests(boot: 1, 4...4)
        try log.checkpoint()
        log.end()
        log.begin(boot: 2, isClean: false)
        let boot = UInt64(1).hexText
        try log.add([
            (
                7,
                "{\"gap\":{\"boot\":\"\(boot)\",\"from\":3,\"reason\":\"ring_full\",\"to\":3,"
                    + "\"worker\":0}}"
            ),
            (7, "{\"gap\":{\"boot\":\"\(boot)\",\"from\":5,\"worker\":0}}"),
            (6, "{\"event\":\"stop\"}"),
        ])
        try log.checkpoint()
        log.seal()
        let report = try verify(log.files)
        #expect(report.holds)
        #expect(report.gapNumbers == 1)
        #expect(report.gapReasons == ["ring_full": 1])
        #expect(
            report.findings.map(\.problem) == [
                .unsealed, .gap(boot: 1, worker: 0, from: 3, through: 3),
                .gap(boot: 1, worker: 0, from: 5, through: nil),
            ])
    }

    @Test func `a crash that the next head hides is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        log.end()
        log.begin(boot: 2, isClean: true)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        let problems = try verify(log.files).findings.map(\.problem)
        #expect(problems == [.unsealed, .uncleanHidden])
    }

    @Test func `a torn tail is unfinished, the same defect before a frame is broken`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        let path = "segments/\(LogLayout.segmentName(0))"
        let whole = log.segment.count
        try log.requests(boot: 1, 3...4)
        var files = log.files
        files.contents[path]?.removeLast(9)
        let torn = try verify(files)
        #expect(torn.heaviest == .unfinished)
        #expect(torn.findings.first?.problem == .tornTail(bytes: log.segment.count - whole - 9))
        #expect(torn.findings.first?.offset == whole)
        #expect(torn.findings.first?.provenSize == 2)
        #expect(torn.findings.first?.provenUntil == WallTime(microseconds: 1))
        try log.checkpoint()
        files = log.files
        files.contents[path]?[whole + 200] ^= 1
        let broken = try verify(files)
        #expect(broken.heaviest == .broken)
        #expect(broken.findings.first?.problem == .frame(.frame(.checksum)))
        #expect(broken.findings.first?.offset == whole)
        #expect(broken.findings.dropFirst().first?.problem == .unprovable(from: 2))
    }

    @Test func `zeros behind the last frame of all are its file's, not the log's`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        let path = "segments/\(LogLayout.segmentName(0))"
        let plain = try verify(log.files)
        var files = log.files
        let whole = log.segment.count
        for count in [1, 63, 64, 4096] {
            files.contents[path] = log.segment + [UInt8](repeating: 0, count: count)
            let report = try verify(files)
            #expect(report.findings == plain.findings, "\(count) zeros")
        }
        // Any other byte among them is what a crash may leave, and no end.
        files.contents[path] = log.segment + [0, 0, 0, 7] + [UInt8](repeating: 0, count: 99)
        let torn = try verify(files)
        #expect(torn.heaviest == .unfinished)
        #expect(torn.findings.first?.problem == .tornTail(bytes: 4))
        #expect(torn.findings.first?.offset == whole)
        // A file is cut before it is sealed.
        log.seal()
        files.contents[path] = log.segment + [UInt8](repeating: 0, count: 640)
        let sealed = try verify(files)
        #expect(sealed.heaviest == .unfinished)
        #expect(sealed.findings.contains { $0.problem == .tornTail(bytes: 640) })
    }

    @Test func `a record that was replaced with all checks redone is named`() throws {
        // Whoever holds the disk can redo the CRC and the chain, not the commitment.
        var log = try SampleLog()
        log.begin(boot: 1)
        let start = log.segment.count
        try log.requests(boot: 1, 1...1)
        let honest = Array(log.segment[start...])
        var other = try SampleLog()
        other.begin(boot: 1)
        try other.requests(boot: 1, 2...2)
        let forged = try FrameForgery.joined(
            clearOf: honest, sealedOf: Array(other.segment[start...]), maker: &log.maker)
        var files = log.files
        files.contents["segments/\(LogLayout.segmentName(0))"] =
            Array(log.segment[..<start]) + forged
        let problems = try verify(files).findings.map(\.problem)
        #expect(problems.first == .recordDiffers(index: 0))
    }

    private func verify(_ files: MemoryFiles) throws -> VerificationReport {
        let verifier = try LogVerifier(source: files, key: try LogVerifierTests.key.get())
        return verifier.verify()
    }

    private static let key = Result { try Vectors.key() }
}

@Suite struct SequenceAccountTests {
    @Test func `numbers in any order leave what is missing`() {
        var seed: UInt64 = 42
        for round in 0..<200 {
            var account = SequenceAccount()
            var left = Array(UInt64(1)...30)
            var taken: Set<UInt64> = []
            for _ in 0..<(round % 30) {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let number = left.remove(at: Int(seed >> 33) % left.count)
                let isNew = account.insert(number)
                #expect(isNew)
                taken.insert(number)
            }
            let missing = account.missing(through: 30).flatMap { Array($0) }
            #expect(missing == (1...30).filter { !taken.contains($0) }, "seed 42, round \(round)")
            for number in taken {
                let isNew = account.insert(number)
                #expect(!isNew)
            }
            #expect(account.highest == taken.max())
        }
    }

    @Test func `a run that overlaps is told`() {
        var account = SequenceAccount()
        let results = [account.insert(5...9), account.insert(9...12), account.insert(1...4)]
        #expect(results == [true, false, true])
        #expect(account.missing(through: 14) == [13...14])
    }
}

/// A batch frame of one frame's entries and another's records, with a CRC that matches.
enum FrameForgery {
    static func joined(
        clearOf first: [UInt8], sealedOf second: [UInt8], maker: inout FrameMaker
    ) throws -> [UInt8] {
        let header = try FrameHeader(first.span)
        let other = try FrameHeader(second.span)
        let clear = first[64..<64 + header.clearCount]
        let sealedStart = 64 + other.clearCount
        let sealed = second[sealedStart..<sealedStart + other.sealedCount]
        // The encoder takes clear bytes only; the length fields are then shared out anew.
        var frame = maker.frame(
            .batch, number: header.number, previous: header.previous,
            clear: Array(clear) + Array(sealed)
        ).bytes
        for (offset, count) in [(16, clear.count), (20, sealed.count)] {
            for position in 0..<4 {
                frame[offset + position] = UInt8(truncatingIfNeeded: count >> (24 - 8 * position))
            }
        }
        frame.replaceSubrange(24..<28, with: [0, 0, 0, 0])
        let crc = CRC32C()
        let sum = crc.checksum(frame.span.extracting(first: 64 + clear.count + sealed.count))
        for position in 0..<4 {
            frame[24 + position] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * position))
        }
        return frame
    }
}
