import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Crypto
import Foundation
import LinuxIO
import Primitives
import Synchronization
import Testing

/// The log's own key apart from the proxy: what it signs, and a log that is signed by it.
@Suite struct SignerServiceTests {
    private static let name = "test.example/proxy"
    private static let origin = "test.example/proxy/0123456789abcdef"

    @Test func `it signs a tree that grows, over restarts, and nothing else`() throws {
        let folder = try SignerFolder()
        let root = Digest256([UInt8](repeating: 3, count: 32).span) ?? .zero
        func claim(_ size: UInt64, _ origin: String = Self.origin) -> [UInt8] {
            SignerRequest.checkpoint(Checkpoint(origin: origin, size: size, root: root)).bytes
        }
        do {
            var service = try folder.service()
            #expect(service.answer(claim(7)).decoded(count: 64) != nil)
            #expect(service.answer(claim(6)) == .refused(.fork))
            #expect(service.answer(claim(8, "other/0123456789abcdef")) == .refused(.origin))
            #expect(service.answer(claim(8, Self.name + "/0123456789ABCDEF")) == .refused(.origin))
            #expect(service.answer(Array("sign this\n".utf8)) == .refused(.malformed))
            #expect(service.answer(SignerRequest.seen(name: "other").bytes) == .refused(.origin))
            #expect(throws: SignerError.stateInUse) { _ = try folder.service() }
        }
        var service = try folder.service()
        #expect(service.logCount == 1)
        #expect(service.answer(claim(6)) == .refused(.fork))
        let key = try #require(
            service.answer(SignerRequest.key(origin: Self.origin).bytes).decoded(count: 32))
        #expect(key == service.publicKey)
        let signature = try #require(service.answer(claim(7)).decoded(count: 64))
        let text = Checkpoint(origin: Self.origin, size: 7, root: root).text
        let isRight = Ed25519Verification.verify(
            signature: signature.span, message: text.span, publicKey: key.span)
        #expect(isRight)
        let seen = service.answer(SignerRequest.seen(name: Self.name).bytes)
        #expect(
            seen.checkpoints(source: "signer")
                == [SeenCheckpoint(origin: Self.origin, size: 7, root: root, source: "signer")])
    }

    @Test func `a key that others can read and a damaged state are refused`() throws {
        let folder = try SignerFolder()
        try Data("sallyport signer state v2\n".utf8).write(to: URL(filePath: folder.statePath))
        #expect(throws: SignerError.state(.signerStateMalformed)) { _ = try folder.service() }
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644], ofItemAtPath: folder.log.settings.signingKeyPath)
        #expect(throws: SignerError.keyExposed(0o644)) { _ = try folder.service() }
    }

    @Test func `records are durable while the signer is away, and signed when it is back`() throws {
        let folder = try SignerFolder()
        var signer = try RunningSigner(folder)
        var log = try folder.log.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        let status = writer.status
        ring.ring.record(1...10)
        until { status.checkpointSize == 12 }
        signer.stop()
        ring.ring.record(11...30)
        until { status.durableSize == 32 }
        #expect(status.checkpointSize == 12)
        #expect(!status.hasFailed)
        signer = try RunningSigner(folder)
        until { status.checkpointSize >= 32 }
        let failure = writer.stop()
        #expect(failure == nil)
        signer.stop()
        #expect(try folder.log.verify().findings == [])
    }

    @Test func `users that are not allowed are turned away`() throws {
        let folder = try SignerFolder()
        let signer = try RunningSigner(folder, users: [LocalPeer.ownUser &+ 1])
        let connection = try MessageConnection(path: folder.socketPath)
        try? connection.send(SignerRequest.key(origin: Self.origin).bytes.span)
        #expect(try connection.wait(milliseconds: 10_000))
        let result = connection.receive(limitBytes: 100)
        #expect(result != .wouldBlock)
        if case .message = result { Issue.record("it was answered") }
        #expect(signer.stop() == [.userRefused(LocalPeer.ownUser)])
    }

    @Test func `a log that was rolled back is replaced by another one`() throws {
        let folder = try SignerFolder()
        let signer = try RunningSigner(folder)
        defer { signer.stop() }
        let first = try run(folder.log, 1...5)
        let copy = folder.log.settings.directory + ".copy"
        try FileManager.default.copyItem(atPath: folder.log.settings.directory, toPath: copy)
        #expect(try run(folder.log, 1...5) == first)
        // The snapshot is put back.
        try FileManager.default.removeItem(atPath: folder.log.settings.directory)
        try FileManager.default.moveItem(atPath: copy, toPath: folder.log.settings.directory)
        let log = try folder.log.open()
        let origin = "\(Self.name)/\(first.hexText)"
        #expect(log.logID != first)
        #expect(
            log.recovery.events == [
                .rolledBack(origin: origin, had: 8, seen: 16, source: "signer")
            ])
        let second = log.logID
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        // The next start goes on with it, and says again what it replaces.
        #expect(try run(folder.log, 1...2) == second)
        for id in [first, second] { #expect(try folder.log.verify(id).findings == []) }
        let segments = try DurableDirectory(path: folder.log.logFolder(second) + "/segments")
        for name in try segments.names().map(\.name) {
            let bytes = try #require(try segments.read(name))
            let header = try FrameHeader(bytes.span)
            let clear = FrameHeader.byteCount..<FrameHeader.byteCount + header.clearCount
            #expect(try SegmentHead(json: Array(bytes[clear])).replaces == first.hexText)
        }
    }

    @Test func `what others have seen counts as the signer's word does`() throws {
        let log = try TestFolder()
        let id = try run(log, 1...3)
        let root = try #require(try log.verify().root)
        let origin = "\(Self.name)/\(id.hexText)"
        let known = SeenCheckpoint(origin: origin, size: 6, root: root, source: "journald")
        #expect(try log.open(seen: [known]).recovery.events == [])
        // Another root at a size that is there.
        var other = known
        other.root = .zero
        let opened = try log.open(seen: [other])
        #expect(
            opened.recovery.events == [
                .rolledBack(origin: origin, had: 6, seen: 6, source: "journald")
            ])
        // Somebody else's log says nothing of this one.
        let stranger = SeenCheckpoint(
            origin: "other/0123456789abcdef", size: 99, root: root, source: "journald")
        let empty = try TestFolder()
        #expect(try empty.open(seen: [stranger]).recovery.events == [])
        // A folder without any log, of a name that was seen: everything is gone.
        let gone = try TestFolder()
        let begun = try gone.open(seen: [known])
        #expect(
            begun.recovery.events == [
                .rolledBack(origin: origin, had: 0, seen: 6, source: "journald")
            ])
    }

    @Test func `without the signer there is no start`() throws {
        let folder = try SignerFolder()
        #expect(throws: AuditWriterError.self) { _ = try folder.log.open() }
    }

    /// Starts on the log, records these, stops; the log's id.
    private func run(_ folder: TestFolder, _ sequences: ClosedRange<UInt64>) throws -> UInt64 {
        var log = try folder.open()
        let id = log.logID
        #expect(log.recovery.events == [])
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        ring.ring.record(sequences)
        let failure = writer.stop()
        #expect(failure == nil)
        return id
    }

    /// Waits for a condition, which is there within seconds.
    private func until(_ condition: () -> Bool) {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: 60_000_000_000)
        while !condition() {
            guard SystemClock.monotonic() < deadline else {
                Issue.record("not within a minute")
                return
            }
            SystemClock.sleep(milliseconds: 5)
        }
    }
}

/// A log's folder and, apart from it, a signer's.
private final class SignerFolder {
    let log: TestFolder
    let other = FileManager.default.temporaryDirectory
        .appending(path: "sallyport-signer-\(UInt64.random(in: 0...UInt64.max))").path
    var statePath: String { "\(other)/state" }
    var socketPath: String { "\(other)/socket" }

    init() throws {
        log = try TestFolder()
        try FileManager.default.createDirectory(
            atPath: other, withIntermediateDirectories: true)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: log.settings.signingKeyPath)
        log.settings.signerPath = socketPath
    }

    deinit {
        try? FileManager.default.removeItem(atPath: other)
    }

    func service() throws(SignerError) -> SignerService {
        try SignerService.open(
            name: "test.example/proxy", keyPath: log.settings.signingKeyPath,
            statePath: statePath)
    }
}

/// A signer's server on a thread of its own.
private final class RunningSigner: Sendable {
    private let isEnding = Atomic<Bool>(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    private let told = Mutex<[SignerServer.Event]>([])

    init(_ folder: SignerFolder, users: Set<UInt32> = [LocalPeer.ownUser]) throws {
        let box = ServerBox(
            try SignerServer(try folder.service(), path: folder.socketPath, users: users))
        let thread = Thread { [self] in
            try? box.server?.run(
                isEnding: { isEnding.load(ordering: .relaxed) },
                tell: { event in told.withLock { $0.append(event) } })
            box.server = nil
            hasEnded.signal()
        }
        thread.start()
    }

    /// Ends it, once; what it told.
    @discardableResult
    func stop() -> [SignerServer.Event] {
        isEnding.store(true, ordering: .relaxed)
        hasEnded.wait()
        hasEnded.signal()
        return told.withLock { $0 }
    }
}

/// Moves the server to its thread.
private final class ServerBox: @unchecked Sendable {
    // Sendable: only the thread touches it after the start.
    var server: SignerServer?

    init(_ server: consuming SignerServer) {
        self.server = consume server
    }
}
