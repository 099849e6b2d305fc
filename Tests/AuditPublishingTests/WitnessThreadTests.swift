import AuditRecords
import AuditSegments
import AuditWriter
import Crypto
import LinuxIO
import Primitives
import Testing

@testable import AuditPublishing

@Suite struct WitnessThreadTests {
    @Test func `a log without a folder, and a key that is none, are refused`() throws {
        let mailbox = try LatestNote()
        #expect(throws: PublishingError.system(SystemError("open", 2))) {
            _ = try WitnessThread([], every: 100, log: "/nowhere", mailbox: mailbox) { _ in }
        }
        let wrong = WitnessSettings(key: "w", url: "http://127.0.0.1:1")
        #expect(throws: PublishingError.cryptography) {
            _ = try WitnessThread([wrong], every: 100, log: "/", mailbox: mailbox) { _ in }
        }
    }

    @Test func `a thread with nothing to ask ends at once`() throws {
        let thread = try WitnessThread([], every: 100, log: "/", mailbox: try LatestNote()) { _ in }
        try thread.start().stop()
    }

    @Test func `a server that is not there is an answer in words`() {
        guard let client = WebClient() else {
            Issue.record("libcurl can't be set up")
            return
        }
        let answers = client.answers(
            to: [
                WebRequest(url: "http://127.0.0.1:1/x", body: [1]),
                WebRequest(url: "file:///etc/passwd", body: nil),
            ], milliseconds: 5000, isHurried: { false })
        for answer in answers {
            guard case .failed(let why) = answer else {
                Issue.record("\(answer)")
                continue
            }
            #expect(!why.isEmpty)
        }
        #expect(client.answers(to: [], milliseconds: 1, isHurried: { true }).isEmpty)
    }

    @Test func `proofs come from the tiles that are there`() throws {
        let folder = try TileFolder(log: "/")
        var hasher = try TreeHasher(try CryptoLibrary())
        #expect(try folder.consistency(from: 0, to: 5, hasher: &hasher).isEmpty)
        #expect(try folder.consistency(from: 5, to: 5, hasher: &hasher).isEmpty)
        #expect(throws: EvidenceError.tileMissing(level: 0, index: 0)) {
            try folder.consistency(from: 4, to: 5, hasher: &hasher)
        }
    }
}
