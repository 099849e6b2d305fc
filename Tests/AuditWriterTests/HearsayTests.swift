import AuditRecords
import AuditSegments
import AuditWriter
import Crypto
import LinuxIO
import Primitives
import Testing

/// What others say of a log when it is opened, and when that is believed.
@Suite struct HearsayTests {
    private static let name = "test.example/proxy"

    /// A log with a few entries: its origin, and the note that it published last.
    private func log(_ folder: TestFolder) throws -> (origin: String, note: [UInt8]) {
        try folder.restart()
        let path = try folder.logFolder()
        let note = try #require(DirectorySource(path: path).read(LogLayout.checkpoint))
        return ("\(Self.name)/\(path.suffix(16))", note)
    }

    private func note(
        _ origin: String, size: UInt64, _ key: consuming SigningKey
    ) throws -> [UInt8] {
        var signer = try CheckpointSigner(origin: origin, signingKey: key)
        return try signer.sign(size: size, root: .zero)
    }

    private func key(_ folder: TestFolder) throws -> SigningKey {
        try SigningKey(pem: try DurableDirectory(path: folder.path).read("key.pem") ?? [])
    }

    private func events(
        _ folder: TestFolder, _ hearsay: Hearsay, found: ((FoundLog?) -> Void)? = nil
    ) throws -> [LifecycleEvent] {
        let opened = try AuditLog.open(
            settings: folder.settings,
            options: AuditLogOptions(names: RecordNames(), workerCount: 1, build: "test")
        ) { log in
            found?(log)
            return hearsay
        }
        return opened.recovery.events
    }

    @Test func `others are asked once, about the log that is there`() throws {
        let folder = try TestFolder()
        var asked: [FoundLog?] = []
        #expect(try events(folder, Hearsay(), found: { asked.append($0) }) == [])
        #expect(asked == [nil])
        let other = try TestFolder()
        let (own, published) = try log(other)
        asked = []
        _ = try events(other, Hearsay(), found: { asked.append($0) })
        #expect(
            asked == [FoundLog(origin: own, path: try other.logFolder(), published: published)])
    }

    @Test func `a note counts when the log's own key signed it`() throws {
        let folder = try TestFolder()
        let (origin, published) = try log(folder)
        let size = try Checkpoint(text: try SignedNote(published).text).size
        var hearsay = Hearsay()
        // Anybody can write anything into a journal.
        hearsay.notes = [
            SeenNote(note: Array("no note".utf8), source: "journald"),
            SeenNote(
                note: try note(origin, size: 1000, try SigningKey.generate()), source: "journald"),
            SeenNote(
                note: try note("\(Self.name)/0123456789abcdef", size: 1000, try key(folder)),
                source: "journald"),
            SeenNote(note: published, source: "journald"),
        ]
        #expect(try events(folder, hearsay).allSatisfy { $0.word != "rolled_back" })
        hearsay.notes.insert(
            SeenNote(note: try note(origin, size: 900, try key(folder)), source: "journald"), at: 1)
        let copy = try TestFolder()
        try folder.copyLog(to: copy)
        let found = try events(copy, hearsay)
        guard case .rolledBack(origin, let had, 900, "journald")? = found.first else {
            Issue.record("\(found)")
            return
        }
        #expect(had >= size)
    }

    @Test func `of a log that is gone the last one that was seen is replaced`() throws {
        let folder = try TestFolder()
        let first = "\(Self.name)/0000000000000001"
        let last = "\(Self.name)/0000000000000002"
        var hearsay = Hearsay()
        hearsay.notes = [
            SeenNote(
                note: try note("\(Self.name)x/0000000000000003", size: 9, try key(folder)),
                source: "j"),
            SeenNote(
                note: try note("\(Self.name)/0000000000000004", size: 9, try SigningKey.generate()),
                source: "j"),
            SeenNote(note: try note(last, size: 5, try key(folder)), source: "j"),
            SeenNote(note: try note(first, size: 8, try key(folder)), source: "j"),
        ]
        #expect(
            try events(folder, hearsay)
                == [.rolledBack(origin: last, had: 0, seen: 5, source: "j")])
    }

    @Test func `of a witness the size alone is known`() throws {
        let folder = try TestFolder()
        let (origin, published) = try log(folder)
        let size = try Checkpoint(text: try SignedNote(published).text).size
        var hearsay = Hearsay()
        hearsay.checkpoints = [SeenCheckpoint(origin: origin, size: size, root: nil, source: "w")]
        var all = Hearsay()
        all.add(hearsay)
        #expect(try events(folder, all).allSatisfy { $0.word != "rolled_back" })
        hearsay.checkpoints[0].size = size + 1000
        let found = try events(folder, hearsay)
        guard case .rolledBack(origin, _, let seen, "w")? = found.first else {
            Issue.record("\(found)")
            return
        }
        #expect(seen == size + 1000)
    }
}
