import ArgumentParser
import AuditSegments
import Foundation
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct ReceiptTests {
    private static let log = "00000000000a0d17"
    private static let boot = "0000000000000b00"

    private func receipt(_ sequence: UInt64, boot: String = ReceiptTests.boot) throws -> Receipt {
        let parsed = Receipt("\(ReceiptTests.log).\(boot).0.\(sequence)")
        return try #require(parsed)
    }

    /// What the log says of `receipts`.
    private func ask(_ log: LogFolder, _ receipts: [Receipt]) throws -> ReceiptReport {
        let verdict = try Verdict.of(log, keys: TrustedKeys(nil))
        return try ReceiptReport(receipts, in: [verdict])
    }

    @Test(arguments: [
        "", "a.b.c.d", "00000000000a0d17.0000000000000b00.0", "a0d17.b00.0.1",
        "00000000000a0d17.0000000000000b00.0.0", "00000000000a0d17.0000000000000b00.-1.1",
        "00000000000a0d17.0000000000000b00.0.1.1", "zzzzzzzzzzzzzzzz.0000000000000b00.0.1",
    ])
    func `what is no receipt is refused`(text: String) {
        #expect(Receipt(text) == nil)
    }

    @Test func `a record that is there is named by its index and frame`() throws {
        let folder = try SampleFolder.finished()
        let report = try ask(folder.log, [try receipt(1), try receipt(301)])
        #expect(report.code == .holds)
        #expect(report.answers.map(\.state) == [.recorded, .recorded])
        #expect(report.answers.map(\.index) == [0, 300])
        #expect(report.answers[0].place == RecordPlace(segment: 0, frame: 1))
        #expect(report.answers[1].word == "request")
        #expect(report.answers[0].receipt.text == "\(Self.log).\(Self.boot).0.1")
    }

    @Test func `a record that is not there and not admitted is missing`() throws {
        let folder = try SampleFolder.finished()
        let beyond = try ask(folder.log, [try receipt(601)])
        #expect(beyond.answers.map(\.state) == [.missing])
        #expect(beyond.exitCode == .doesNotHold)
        let stranger = try ask(folder.log, [try receipt(1, boot: "00000000000000ff")])
        #expect(stranger.answers.map(\.state) == [.missing])
    }

    @Test func `a log that is not here keeps no promise`() throws {
        let folder = try SampleFolder.finished()
        let other = try #require(Receipt("00000000000a0d18.\(Self.boot).0.1"))
        let report = try ask(folder.log, [other])
        #expect(report.code == .broken)
        #expect(report.complaints == ["the log 00000000000a0d18 is not here"])
    }

    @Test func `a gap leaf says which record is lost`() throws {
        var folder = try SampleFolder()
        try folder.requests(10)
        try folder.gap(first: 11, last: 15)
        try folder.requests(5)
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        let report = try ask(
            folder.log, [try receipt(10), try receipt(11), try receipt(15), try receipt(16)])
        #expect(report.answers.map(\.state) == [.recorded, .lost, .lost, .recorded])
        #expect(report.answers[1].index == 10)
        #expect(report.answers[1].word == "lost_in_crash")
        #expect(report.code == .holds)
    }

    @Test func `a gap leaf of a later boot speaks of an earlier one`() throws {
        var folder = try SampleFolder()
        try folder.requests(3)
        try folder.gap(first: 8, last: nil, boot: 0xA00)
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        let earlier = "0000000000000a00"
        let report = try ask(
            folder.log, [try receipt(7, boot: earlier), try receipt(9, boot: earlier)])
        #expect(report.answers.map(\.state) == [.missing, .lost])
    }

    @Test func `what no checkpoint covers yet is not yet signed, or not yet recorded`() throws {
        var folder = try SampleFolder()
        try folder.requests(5)
        try folder.checkpoint()
        try folder.requests(5)
        try folder.save()
        let report = try ask(folder.log, [try receipt(5), try receipt(6), try receipt(11)])
        #expect(report.answers.map(\.state) == [.recorded, .unsigned, .pending])
        #expect(report.exitCode == .couldNotTell)
    }

    @Test func `a file of receipts has them alone or as header lines`() throws {
        let folder = try SampleFolder.finished()
        let path = "\(folder.audit)/receipts"
        let text = """
            # kept by the billing service
            \(try receipt(2).text)

            audit-receipt: \(try receipt(3).text)\r
            """
        try Data(text.utf8).write(to: URL(filePath: path))
        #expect(try Receipt.read(path) == [try receipt(2), try receipt(3)])
        try Data("nonsense\n".utf8).write(to: URL(filePath: path))
        #expect(throws: ToolError.receiptMalformed("nonsense")) { try Receipt.read(path) }
    }

    @Test func `the answers are part of the JSON`() throws {
        let folder = try SampleFolder.finished()
        let verdict = try Verdict.of(folder.log, keys: TrustedKeys(nil))
        let report = try ReceiptReport([try receipt(1), try receipt(601)], in: [verdict])
        let text = String(decoding: Verdict.json([verdict], report), as: UTF8.self)
        #expect(text.contains(#""verdict":"does_not_hold""#))
        #expect(text.contains(#""state":"missing""#))
        #expect(text.contains(#""segment":"00000000000000000000.alog""#))
    }
}
