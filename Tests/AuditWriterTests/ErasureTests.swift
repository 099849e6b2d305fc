import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

/// A subject is forgotten, and the log still holds (format §8).
@Suite struct ErasureTests {
    static let requester = Requester(user: 1000, group: 100, process: 42)

    private func erase(_ subject: String, in folder: TestFolder) throws -> WriterAnswer {
        let writer = try folder.open().start()
        let answer = writer.control.perform(
            .erase(subject: Array(subject.utf8), reason: "ticket 7", by: Self.requester),
            until: SystemClock.monotonic().advanced(nanoseconds: 30_000_000_000))
        let failure = writer.stop()
        #expect(failure == nil)
        return answer
    }

    @Test func `the keys of all epochs are gone, those of others stay`() throws {
        let folder = try TestFolder(privacy: .sealed)
        folder.settings.privacy.keySeconds = 0
        try folder.write([.person("alice", sequence: 1)])
        try folder.write([.person("alice", sequence: 1), .person("bob.b", sequence: 2)])
        let named = try folder.subjects().compactMap { $0["subject_key"] as? String }
        let rows = try folder.secrets(of: [named[0], named[1]])
        #expect(rows.count == 2)
        let answer = try erase("alice", in: folder)
        let gone = [named[0], named[1]].compactMap { UInt64($0, radix: 16) }
        #expect(answer == .erased(keys: gone))
        let known = try folder.keys()
        #expect(known[named[0]] == nil && known[named[1]] == nil && known[named[2]] != nil)
        for path in try folder.keyringFiles() {
            let bytes = try #require(FileManager.default.contents(atPath: path))
            for secret in rows { #expect(bytes.range(of: Data(secret)) == nil, "\(path)") }
        }
        #expect(try folder.verify().findings == [])
        let leaf = try #require(try folder.cores(.erasure).first)
        #expect(leaf.string("reason") == "ticket 7")
        #expect(leaf.object("by")?.integer("uid") == 1000)
        #expect(leaf.strings("keys") == [named[0], named[1]])
        try folder.expectNowhere(["alice"])
    }

    @Test func `who comes back has a new key`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        _ = try erase("alice", in: folder)
        try folder.write([.person("alice", sequence: 1)])
        let named = try folder.subjects().compactMap { $0["subject_key"] as? String }
        #expect(named.count == 2 && named[0] != named[1])
        #expect(try folder.keys()[named[1]] != nil)
    }

    @Test func `somebody who is not known is an erasure of nothing`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        #expect(try erase("bob.b", in: folder) == .erased(keys: []))
        #expect(try folder.cores(.erasure).first?.strings("keys") == [])
    }

    @Test func `a legal hold keeps everything`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        // What can't be read holds everything.
        let hold = Array("{}".utf8)
        try DurableDirectory(path: try folder.logFolder()).replace(LegalHolds.fileName, hold.span)
        let before = try folder.keys()
        #expect(try erase("alice", in: folder) == .refused(.held))
        #expect(try folder.keys() == before)
        #expect(try folder.cores(.erasure).isEmpty)
        let released = LegalHolds().json
        try DurableDirectory(path: try folder.logFolder())
            .replace(LegalHolds.fileName, released.span)
        #expect(try erase("alice", in: folder) != .refused(.held))
    }

    @Test func `a log without a keyring has nothing to erase, one that had one does`() throws {
        let folder = try TestFolder()
        try folder.write([.person("alice", sequence: 1)])
        #expect(try erase("alice", in: folder) == .refused(.keyringMissing))
        folder.settings.privacy.subject = .sealed
        try folder.write([.person("alice", sequence: 1)])
        folder.settings.privacy.subject = .plain
        guard case .erased(let keys) = try erase("alice", in: folder) else {
            Issue.record("refused")
            return
        }
        #expect(keys.count == 1)
        try folder.write([.person("carol", sequence: 1)])
        #expect(try folder.subjects().last?["sub"] as? String == "carol")
    }

    @Test(arguments: [false, true])
    func `what a crash interrupted is finished by the next start`(isErased: Bool) throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        let named = try #require(try folder.subjects()[0]["subject_key"] as? String)
        let id = try #require(UInt64(named, radix: 16))
        let order = KeyErasure(
            places: [KeyPlace(epoch: 1, row: 1, id: id)], reason: "ticket 7",
            requester: Self.requester)
        let directory = try DurableDirectory(path: "\(try folder.logFolder())/keyring")
        try directory.replace(KeyringFile.erasure, order.json.span)
        if isErased {
            let file = try directory.openFile(KeyringFile.name(epoch: 1))
            let zeros = [UInt8](repeating: 0, count: KeyRow.byteCount)
            try file.write(zeros.span, at: UInt64(KeyringFile.offset(row: 1)))
        }
        try folder.write([])
        #expect(try folder.keys()[named] == nil)
        #expect(try folder.cores(.erasure).first?.strings("keys") == [named])
        #expect(try directory.read(KeyringFile.erasure) == nil)
    }

    @Test func `an order is read as it was written, and nothing else is`() {
        let order = KeyErasure(
            places: [KeyPlace(epoch: 1, row: 2, id: 3), KeyPlace(epoch: 9, row: 1, id: 4)],
            reason: #"say "why""#, requester: Self.requester)
        #expect(KeyErasure(json: order.json) == order)
        for end in order.json.indices {
            #expect(KeyErasure(json: Array(order.json[..<end])) == nil)
        }
    }

    @Test func `requests are answered when the writer has ended`() throws {
        let folder = try TestFolder(privacy: .sealed)
        let writer = try folder.open().start()
        let control = writer.control
        let event = AccountableEvent.administration(
            command: "status", outcome: "answered", by: Self.requester)
        func soon() -> Instant { SystemClock.monotonic().advanced(nanoseconds: 30_000_000_000) }
        #expect(control.perform(.record(event), until: soon()) == .recorded)
        let failure = writer.stop()
        #expect(failure == nil)
        #expect(control.perform(.record(event), until: soon()) == .refused(.ended))
        #expect(try folder.cores(.administration).count == 1)
    }
}

/// Reads of the log on its own host are records (format §2, kind 10).
@Suite struct AccessPointTests {
    @Test func `what was noted while nobody listened is recorded and taken away`() throws {
        let folder = try TestFolder()
        try folder.write([])
        let path = "\(try folder.logFolder())/access"
        let shared = try DurableDirectory(path: path)
        let notice = LocalRequest.access(tool: "verify", range: "since=1d").line
        try shared.replace("1-2", notice.span)
        let junk = Array("junk".utf8)
        try shared.replace("1-3", junk.span)
        try folder.write([])
        let found = try folder.cores(.access)
        #expect(found.map { $0.string("command") } == ["verify", "unknown"])
        #expect(found[0].string("range") == "since=1d")
        #expect(found[0].object("by")?.integer("uid") == Int64(LocalPeer.ownUser))
        #expect(found[0].integer("asked") != nil)
        #expect(try shared.names().map(\.name) == ["host"])
        #expect(try folder.verify().findings == [])
    }

    @Test func `a copy of the log has another mark`() throws {
        let (folder, copy) = (try TestFolder(), try TestFolder())
        try folder.write([])
        try folder.copyLog(to: copy)
        let mark = try DurableDirectory(path: try folder.logFolder()).read(LogLayout.accessHost)
        try copy.write([])
        let other = try DurableDirectory(path: try copy.logFolder()).read(LogLayout.accessHost)
        #expect(mark != nil && other != nil && mark != other)
    }

    @Test func `tools reach the log's socket`() throws {
        let folder = try TestFolder()
        let log = try folder.open()
        let listener = try log.listenForReaders()
        let directory = try DurableDirectory(path: try folder.logFolder())
        _ = try LocalStream.connect(in: directory, name: LogLayout.accessSocket)
        guard let stream = try listener.accept() else {
            Issue.record("nobody waits")
            return
        }
        #expect(stream.peer.user == LocalPeer.ownUser)
        let failure = try log.start().stop()
        #expect(failure == nil)
    }
}

extension TestFolder {
    /// The secrets in the rows of these keys.
    func secrets(of keys: [String]) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        for path in try keyringFiles() {
            guard let name = path.split(separator: "/").last,
                let epoch = KeyringFile.epoch(of: String(name))
            else { continue }
            let bytes = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
            for row in KeyringFile.rows(bytes, epoch: epoch) ?? [] {
                guard let row, keys.contains(row.id.hexText) else { continue }
                let secret = row.secret.inlineBytes
                found.append((0..<32).map { secret[$0] })
            }
        }
        return found
    }

    /// Paths of the keyring's files.
    func keyringFiles() throws -> [String] {
        let path = "\(try logFolder())/keyring"
        return try DurableDirectory(path: path).names().map { "\(path)/\($0.name)" }
    }
}
