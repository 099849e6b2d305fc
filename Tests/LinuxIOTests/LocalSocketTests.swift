import Foundation
import LinuxIO
import Primitives
import Testing

@Suite struct LocalSocketTests {
    private func soon(_ milliseconds: UInt64 = 2000) -> Instant {
        SystemClock.monotonic().advanced(nanoseconds: milliseconds * 1_000_000)
    }

    private static func accepts(_ listener: borrowing LocalListener) throws -> Bool {
        if let _ = try listener.accept() { return true }
        return false
    }

    @Test func `a line goes each way, and the kernel says who it is`() throws {
        let folder = TemporaryFolder()
        let listener = try LocalListener(path: "\(folder.path)/a.sock", mode: 0o600)
        let client = try LocalStream.connect(path: "\(folder.path)/a.sock")
        guard let server = try listener.accept() else {
            Issue.record("nobody waits")
            return
        }
        #expect(server.peer.user == LocalPeer.ownUser)
        #expect(server.peer.group == LocalPeer.ownGroup)
        #expect(server.peer.process == LocalPeer.ownProcess)
        try client.writeLine(Array("hello".utf8), until: soon())
        let line = try server.readLine(limitBytes: 5, until: soon())
        #expect(line == Array("hello".utf8))
        try server.writeLine([], until: soon())
        let answer = try client.readLine(limitBytes: 5, until: soon())
        #expect(answer == [])
        let isAccepted = try Self.accepts(listener)
        #expect(!isAccepted)
    }

    @Test func `a long line, a silent peer and an early end are told apart`() throws {
        let folder = TemporaryFolder()
        let listener = try LocalListener(path: "\(folder.path)/a.sock", mode: 0o600)
        let client = try LocalStream.connect(path: "\(folder.path)/a.sock")
        guard let server = try listener.accept() else {
            Issue.record("nobody waits")
            return
        }
        #expect(throws: SystemError("poll", 110)) {
            _ = try server.readLine(limitBytes: 5, until: soon(20))
        }
        try client.writeLine(Array("hello!".utf8), until: soon())
        #expect(throws: SystemError("recv", 90)) {
            _ = try server.readLine(limitBytes: 5, until: soon())
        }
    }

    @Test func `a socket that nobody listens at is replaced, another is not`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/a.sock"
        do { _ = try LocalListener(path: path, mode: 0o600) }
        #expect(throws: SystemError.self) { _ = try LocalStream.connect(path: path) }
        let listener = try LocalListener(path: path, mode: 0o660)
        #expect(throws: SystemError("bind", 98)) { _ = try LocalListener(path: path, mode: 0o600) }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o660)
        // Whoever looked whether somebody listens was a connection, too.
        let isAccepted = try Self.accepts(listener)
        #expect(isAccepted)
        let file = "\(folder.path)/file"
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        #expect(throws: SystemError("bind", 98)) { _ = try LocalListener(path: file, mode: 0o600) }
    }

    @Test func `in a folder, a path may be as long as it likes`() throws {
        let folder = TemporaryFolder()
        let deep = "\(folder.path)/" + String(repeating: "a-long-name/", count: 12)
        let directory = try DurableDirectory.create(path: deep)
        let listener = try LocalListener(in: directory, name: "a.sock", mode: 0o600)
        let client = try LocalStream.connect(in: directory, name: "a.sock")
        let isAccepted = try Self.accepts(listener)
        #expect(isAccepted)
        #expect(client.peer.user == LocalPeer.ownUser)
        #expect(throws: SystemError.self) {
            _ = try LocalListener(path: "\(deep)/a.sock", mode: 0o600)
        }
    }
}

@Suite struct FolderIdentityTests {
    @Test func `a folder is itself, and not another`() throws {
        let (one, two) = (TemporaryFolder(), TemporaryFolder())
        let first = try DurableDirectory(path: one.path).identity()
        #expect(try DurableDirectory(path: one.path).identity() == first)
        #expect(try DurableDirectory(path: two.path).identity() != first)
        #expect(FolderIdentity.machine() == FolderIdentity.machine())
    }

    @Test func `a shared folder keeps others' files, and only regular ones are read`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory(path: folder.path)
        try directory.makeSharedFolder("access")
        let path = "\(folder.path)/access"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o1770)
        let shared = try directory.folder("access")
        let bytes = Array("notice".utf8)
        try shared.replace("one", bytes.span)
        let read = try shared.readForeign("one", limitBytes: 3)
        let file = try #require(read)
        #expect(file.bytes == Array("not".utf8))
        #expect(file.user == LocalPeer.ownUser)
        #expect(file.microseconds > 1_700_000_000_000_000)
        try FileManager.default.createSymbolicLink(
            atPath: "\(path)/link", withDestinationPath: "\(path)/one")
        #expect(try shared.readForeign("link", limitBytes: 3) == nil)
        #expect(try shared.readForeign("none", limitBytes: 3) == nil)
    }

    @Test func `a secret folder is for its owner alone`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory(path: folder.path)
        let secret = try directory.secretFolder("keys")
        _ = try secret.createSecretFile("one")
        let path = "\(folder.path)/keys"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o700)
        try FileManager.default.setAttributes([.posixPermissions: 0o701], ofItemAtPath: path)
        #expect(throws: SystemError("openat", 13)) { _ = try directory.secretFolder("keys") }
    }
}
