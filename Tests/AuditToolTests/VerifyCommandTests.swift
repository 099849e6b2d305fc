import ArgumentParser
import AuditSegments
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct VerifyCommandTests {
    @Test func `a finished log holds, under its own key and under one brought along`() throws {
        let folder = try SampleFolder.finished()
        let log = try LogFolder.one(in: folder.audit, id: nil)
        #expect(log.path == folder.log.path)
        let own = try Verdict.of(log, keys: TrustedKeys(nil))
        #expect(own.code == .holds)
        #expect(own.keyOrigin == .own)
        #expect(own.report.findings == [])
        #expect(own.report.size == 601)
        let given = try Verdict.of(log, keys: TrustedKeys(folder.vkey))
        #expect(given.code == .holds)
        #expect(given.keyOrigin == .given)
        let text = String(decoding: Verdict.json([given]), as: UTF8.self)
        #expect(text.contains(#""verdict":"holds""#))
    }

    @Test func `a flipped bit in each segment, tile and note is found`() throws {
        let folder = try SampleFolder.finished()
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.log.path)
        var checked = 0
        for file in files.sorted() {
            let bytes = folder.read(file)
            guard !bytes.isEmpty else { continue }
            for place in [0, bytes.count / 3, bytes.count - 1] {
                var changed = bytes
                changed[place] ^= 0x10
                try folder.write(file, changed)
                let code = try? Verdict.of(folder.log, keys: TrustedKeys(folder.vkey)).code
                #expect(code != .holds, "\(file), byte \(place)")
                checked += 1
            }
            try folder.write(file, bytes)
        }
        #expect(checked > 20)
        #expect(try Verdict.of(folder.log, keys: TrustedKeys(folder.vkey)).code == .holds)
    }

    @Test func `another key does not do`() throws {
        let folder = try SampleFolder.finished()
        let other = try NoteKey(
            name: "audit.example/proxy-1/\(folder.log.id)",
            publicKey: [UInt8](repeating: 9, count: 32))
        #expect(try Verdict.of(folder.log, keys: TrustedKeys(other.text)).code == .doesNotHold)
        let stranger = try NoteKey(name: "else/where", publicKey: other.publicKey)
        #expect(throws: ToolError.keyOfOtherLog(origin: other.name)) {
            try Verdict.of(folder.log, keys: TrustedKeys(stranger.text))
        }
        #expect(
            throws: ToolError.unreadable(
                file: "nonsense", why: "neither a verifier key nor a file with one")
        ) { try TrustedKeys("nonsense") }
    }

    @Test func `a log with an open end holds as far as it is signed`() throws {
        var folder = try SampleFolder()
        try folder.requests(50)
        try folder.checkpoint()
        try folder.requests(7)
        try folder.save()
        let verdict = try Verdict.of(folder.log, keys: TrustedKeys(nil))
        #expect(verdict.code == .holds)
        #expect(!verdict.report.holds)
        #expect(verdict.report.checkpointSize == 50)
        #expect(!verdict.isLive)
    }

    @Test func `a log that is being written is verified as it was published`() throws {
        var folder = try SampleFolder()
        try folder.requests(300)
        try folder.checkpoint()
        try folder.requests(700)
        try folder.checkpoint()
        try folder.save()
        let note = folder.read("tlog/checkpoint")
        let notes = folder.read("notes/20261124.notes")
        // The writer is on: wider tiles have replaced the partial ones, notes and frames follow,
        // and the checkpoint was read before all that.
        try folder.requests(400)
        try folder.checkpoint()
        try folder.save()
        try folder.write("tlog/checkpoint", note)
        #expect(folder.read("notes/20261124.notes").count > notes.count)
        #expect(try Verdict.of(folder.log, keys: TrustedKeys(nil)).code != .holds)
        let claim = try DurableDirectory(path: folder.log.path)
        #expect(try claim.claim())
        let verdict = try Verdict.of(folder.log, keys: TrustedKeys(nil))
        #expect(verdict.isLive)
        #expect(verdict.code == .holds)
        #expect(verdict.report.size == 1000)
        let broken = verdict.report.findings.filter { $0.weight == .broken }
        #expect(broken == [])
    }

    @Test func `a kept checkpoint shows a log cut short, and one rewritten`() throws {
        let folder = try SampleFolder.finished()
        let path = "\(folder.audit)/kept"
        try Data(folder.read("tlog/checkpoint")).write(to: URL(filePath: path))
        let kept = try KeptCheckpoint(path: path)
        #expect(try Verdict.of(folder.log, keys: TrustedKeys(nil), kept: kept).code == .holds)

        var cut = try SampleFolder()
        try cut.requests(100)
        try cut.checkpoint()
        try cut.seal()
        let short = try Verdict.of(cut.log, keys: TrustedKeys(nil), kept: kept)
        #expect(short.code == .doesNotHold)
        #expect(short.problems.first?.contains("records are missing") == true)

        var other = try SampleFolder()
        try other.requests(700)
        try other.checkpoint()
        try other.seal()
        let rewritten = try Verdict.of(other.log, keys: TrustedKeys(nil), kept: kept)
        #expect(rewritten.problems.first?.contains("rewritten") == true)
        #expect(rewritten.code == .doesNotHold)
    }

    @Test func `a log that lost its segments is not passed over`() throws {
        let folder = try SampleFolder.finished()
        try FileManager.default.removeItem(atPath: "\(folder.log.path)/segments")
        let log = try LogFolder.one(in: folder.audit, id: nil)
        #expect(log.id == folder.log.id)
        #expect(throws: ToolError.self) { try Verdict.of(log, keys: TrustedKeys(nil)) }
        let verdict = try Verdict.of(log, keys: TrustedKeys(folder.vkey))
        #expect(verdict.code == .doesNotHold)
        #expect(verdict.report.findings.first?.problem == .beginningMissing)
    }

    @Test func `a folder without a log can't be told`() throws {
        #expect(throws: ToolError.self) { try LogFolder.logs(in: "/nonexistent") }
        let folder = try SampleFolder.finished()
        #expect(throws: ToolError.noSuchLog(id: "x")) {
            try LogFolder.one(in: folder.audit, id: "x")
        }
    }
}
