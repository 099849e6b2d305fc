import ArgumentParser
import Foundation
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct OutsideEvidenceTests {
    private func verdicts(_ log: LogFolder, _ arguments: [String]) throws -> Verdict {
        var verdicts = [try Verdict.of(log, keys: TrustedKeys(nil))]
        try Verdict.compare(&verdicts, try OutsideOptions.parse(arguments))
        return verdicts[0]
    }

    @Test func `the log's own checkpoints fit, those of a longer log do not`() throws {
        let folder = try SampleFolder.finished()
        let note = folder.read("tlog/checkpoint")
        let text = try JSONEncoder().encode(String(decoding: note, as: UTF8.self))
        let path = folder.audit + "/export"
        let line =
            #"{"MESSAGE_ID":"\#(JournalExport.identifier)","SALLYPORT_NOTE":"#
            + String(decoding: text, as: UTF8.self) + "}\n"
        try Data(line.utf8).write(to: URL(fileURLWithPath: path))
        let fitting = try verdicts(folder.log, ["--journal", path])
        #expect(fitting.code == .holds && fitting.problems == [] && fitting.open == [])
        #expect(fitting.notes == ["1 checkpoints in the journal fit, the last of 601 records"])
        var shorter = try SampleFolder()
        try shorter.requests(50)
        try shorter.checkpoint()
        try shorter.save()
        let missing = try verdicts(shorter.log, ["--journal", path])
        #expect(missing.code == .doesNotHold)
        #expect(missing.problems.count == 1 && missing.problems[0].contains("are missing"))
        try Data().write(to: URL(fileURLWithPath: path))
        let none = try verdicts(folder.log, ["--journal", path])
        #expect(none.code == .couldNotTell)
    }

    @Test func `witnesses' keys are read, and how many are needed`() throws {
        #expect(throws: ToolError.keyMalformed("w")) {
            try OutsideOptions.parse(["--witness", "w"]).keys()
        }
        #expect(throws: ToolError.numberMalformed("--quorum 2 of 0 witnesses")) {
            try OutsideOptions.parse(["--quorum", "2"]).keys()
        }
        let folder = try SampleFolder.finished()
        let key = "w.example+e25d5acc+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
        #expect(try verdicts(folder.log, ["--witness", key]).code == .doesNotHold)
    }
}
