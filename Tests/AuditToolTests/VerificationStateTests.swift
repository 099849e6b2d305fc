import ArgumentParser
import AuditSegments
import Foundation
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct VerificationStateTests {
    @Test func `a later verification goes on where the state ends`() throws {
        var folder = try SampleFolder()
        let path = "\(folder.audit)/state"
        try folder.requests(300)
        try folder.checkpoint()
        try folder.rotate()
        #expect(try verify(folder.log, path).report.start == 0)
        try folder.requests(200)
        try folder.checkpoint()
        try folder.rotate()
        let second = try verify(folder.log, path)
        #expect(second.report.start == 300)
        #expect(second.isResumed)
        #expect(second.code == .holds)
        #expect(second.report.kinds[3] == 500)
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        let third = try verify(folder.log, path)
        #expect(third.report.start == 500)
        #expect(third.report.holds)
        let fourth = try verify(folder.log, path)
        #expect(fourth.report.start == 501)
        #expect(fourth.report.holds)
        #expect(fourth.report.root == third.report.root)
        let text = String(decoding: Verdict.json([fourth]), as: UTF8.self)
        #expect(text.contains(#""resumed":true"#))
        #expect(text.contains(#""start":501"#))
    }

    @Test func `another log under the same state is rewritten history`() throws {
        let folder = try SampleFolder.finished()
        let path = "\(folder.audit)/state"
        #expect(try verify(folder.log, path).code == .holds)
        let other = try SampleFolder.finished()
        let verdict = try verify(other.log, path)
        #expect(verdict.code == .doesNotHold)
        #expect(verdict.report.findings.contains { $0.problem == .historyDiffers(size: 601) })
    }

    @Test func `what is not a state is refused, and a state of another key`() throws {
        let folder = try SampleFolder.finished()
        let path = "\(folder.audit)/state"
        _ = try verify(folder.log, path)
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
        for text in ["", "{}", "{\"format\":1,\"logs\":[{}]}\n"] {
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(
                throws: ToolError.unreadable(
                    file: path, why: "it is not the state of a verification")
            ) { try VerificationState(path) }
        }
        for place in stride(from: 0, to: bytes.count - 1, by: 13) {
            try Data(bytes[..<place]).write(to: URL(filePath: path))
            #expect(throws: ToolError.self) { try VerificationState(path) }
        }
        try Data(bytes).write(to: URL(filePath: path))
        let key = try NoteKey(
            name: "audit.example/proxy-1/\(folder.log.id)",
            publicKey: [UInt8](repeating: 9, count: 32))
        #expect(throws: ToolError.stateOfOtherKey(origin: key.name)) {
            try VerificationState(path).scope.of(folder.log, key: key)
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("299", 0), ("300", 300), ("600", 300), ("100000", 300),
            ("2026-11-23", 0), ("2026-11-23T19:43:00Z", 300), ("2027-01-01", 300),
        ] as [(String, UInt64)])
    func `a verification begins at the segment that was asked for`(
        text: String, start: UInt64
    ) throws {
        let folder = try SampleFolder.finished()
        let scope = try RequestedScope(text, now: WallTime(microseconds: 0))
        let verdict = try Verdict.of(folder.log, keys: TrustedKeys(nil), scope: scope)
        #expect(verdict.report.start == start)
        #expect(verdict.code == .holds)
        #expect(verdict.report.findings == [])
    }

    @Test func `a kept checkpoint is compared also with what is not read`() throws {
        let folder = try SampleFolder.finished()
        let path = "\(folder.audit)/kept"
        let notes = NoteFile.notes(in: folder.read("notes/20261124.notes"))
        for note in notes {
            try Data(note).write(to: URL(filePath: path))
            let verdict = try Verdict.of(
                folder.log, keys: TrustedKeys(nil), kept: KeptCheckpoint(path: path),
                scope: .sinceIndex(300))
            #expect(verdict.code == .holds)
            let other = try SampleFolder.finished()
            let wrong = try Verdict.of(
                other.log, keys: TrustedKeys(nil), kept: KeptCheckpoint(path: path),
                scope: .sinceIndex(300))
            #expect(wrong.code == .doesNotHold)
            #expect(wrong.problems.first?.contains("rewritten") == true)
        }
    }

    @Test func `the options that contradict each other are refused`() {
        for arguments in [
            ["x", "--since", "1d", "--state", "f"], ["x", "--since", "1d", "--receipts", "f"],
            ["x", "--progress", "sometimes"],
        ] {
            #expect(throws: (any Error).self) { try VerifyCommand.parse(arguments) }
        }
    }

    @Test func `a bar is as long as what is done`() {
        #expect(Progress.bar(0, of: 4).hasPrefix("[......"))
        #expect(
            Progress.bar(2, of: 4)
                == "[\(String(repeating: "#", count: 15))\(String(repeating: ".", count: 15))] "
                + "50 % (2 of 4 segments)")
        #expect(Progress.bar(4, of: 4).contains("100 %"))
    }

    private func verify(_ log: LogFolder, _ path: String) throws -> Verdict {
        var state = try VerificationState(path)
        let verdict = try Verdict.of(log, keys: TrustedKeys(nil), scope: state.scope) {
            prefix throws(ToolError) in try state.keep(prefix)
        }
        try state.save()
        return verdict
    }
}
