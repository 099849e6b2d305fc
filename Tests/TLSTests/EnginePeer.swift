import Glibc
import LinuxIO
import Primitives

@testable import TLS

/// One end of a connection as a worker holds it: a socket, a session, and a buffer of clear bytes.
///
/// Its readiness comes from `poll`, as a worker's comes from `epoll`, where a test asks for it.
final class EnginePeer {
    let descriptor: Descriptor
    let library: TLSLibrary
    var engine: TLSEngine
    var session = TLSSession.none
    var socket: SocketState
    /// Clear bytes read by `readAll`.
    var received: [UInt8] = []
    private var buffers: BufferPool
    private var buffer = PooledBuffer.none
    /// What `write` calls now.
    var now = Instant(nanoseconds: 5_000_000_000)

    init(_ descriptor: consuming Descriptor, _ library: TLSLibrary, bufferBytes: Int = 24_576) {
        socket = SocketState(number: descriptor.number, mayWrite: true)
        self.descriptor = descriptor
        self.library = library
        engine = TLSEngine(library)
        buffers = BufferPool(capacity: 1, bufferBytes: bufferBytes)
        _ = buffers.lend(&buffer)
    }

    /// Begins as a server.
    func accept(_ context: TLSServerContext, bySocket: Bool = false) {
        if let made = engine.accept(context, socket: socket.number, bySocket: bySocket) {
            session = made
        }
    }

    /// Begins as a client.
    func connect(_ context: TLSClientContext, endpoint: Int = 0, bySocket: Bool = false) {
        if let made = engine.connect(
            context, endpoint: endpoint, socket: socket.number, bySocket: bySocket)
        {
            session = made
        }
    }

    /// What tests ask of the session, which can't be copied.
    var hasUnsent: Bool { session.hasUnsent }
    var hasBegun: Bool { session.hasBegun }
    var isEstablished: Bool { session.isEstablished }
    var facts: TLSFacts { session.facts }
    var texts: SessionTexts { SessionTexts(session) }

    /// Takes in what the kernel says of the socket now.
    func poll() {
        var entry = pollfd(
            fd: socket.number, events: Int16(POLLIN | POLLOUT | 0x2000), revents: 0)
        guard Glibc.poll(&entry, 1, 0) > 0 else { return }
        var readiness: Readiness = []
        if entry.revents & Int16(POLLIN) != 0 { readiness.insert(.readable) }
        if entry.revents & Int16(POLLOUT) != 0 { readiness.insert(.writable) }
        if entry.revents & Int16(0x2000) != 0 { readiness.insert(.peerClosed) }
        socket.take(readiness)
    }

    /// Goes on with the handshake until it waits.
    func shakeHands() -> TLSProgress {
        poll()
        while true {
            let progress = engine.handshake(&session, &socket)
            if progress == .wantsRead, socket.mayRead { continue }
            return progress
        }
    }

    /// One read, of at most the buffer's size.
    func read() -> TLSReading {
        let result = engine.read(&session, &socket, into: &buffer)
        let bytes = buffer.bytes
        for index in 0..<bytes.count { received.append(bytes[index]) }
        buffer.consume(bytes.count)
        return result
    }

    /// Reads until nothing is left; answers how that ended.
    func readAll() -> TLSReading {
        poll()
        while socket.mayRead {
            let result = read()
            guard case .transferred = result else { return result }
        }
        return .nothing
    }

    /// Writes from the start of `bytes`.
    func write(_ bytes: [UInt8]) -> TLSWriting {
        engine.write(&session, &socket, bytes.span, now: now)
    }

    /// Writes all of `bytes` to a peer that takes them; false when it does not.
    func writeAll(_ bytes: [UInt8]) -> Bool {
        poll()
        var rest = bytes[...]
        while !rest.isEmpty {
            guard case .transferred(let count) = write(Array(rest)), !session.hasUnsent else {
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Sends what is left.
    func flush() -> TLSFlushing {
        poll()
        return engine.flush(&session, &socket)
    }

    /// Says `close_notify`.
    func shutdown() {
        engine.shutdown(&session, &socket)
    }

    /// Sends bytes that are not TLS's.
    func sendRaw(_ bytes: [UInt8]) {
        _ = Descriptor.send(bytes.span, to: socket.number)
    }

    /// Ends the sending direction of the socket without a word of TLS.
    func endSending() { descriptor.shutdownWriting() }

    /// How many bytes the kernel holds that were not read.
    var unreadBytes: Int {
        var count: CInt = 0
        return ioctl(socket.number, UInt(0x541B), &count) == 0 ? Int(count) : -1
    }
}

/// Two connected sockets.
struct SocketPair: ~Copyable {
    var near: Descriptor
    var far: Descriptor

    /// - Parameter sendBytes: Size of the kernel's buffers for sending; 0 for its own choice.
    init(sendBytes: CInt = 0) throws {
        var numbers: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &numbers) == 0 else {
            throw EngineTestError.noSockets
        }
        if sendBytes > 0 {
            var size = sendBytes
            for number in numbers {
                setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, 4)
            }
        }
        near = Descriptor(owning: numbers[0])
        far = Descriptor(owning: numbers[1])
    }
}

/// A client and a server of ours on one connection.
struct EnginePair {
    let server: EnginePeer
    let client: EnginePeer

    init(
        _ listener: TestListener = TestListener(), _ upstream: TestUpstream = TestUpstream(),
        sendBytes: CInt = 0, bufferBytes: Int = 24_576, bySocket: Bool = false
    ) throws {
        let near = try TLSLibrary()
        let far = try TLSLibrary()
        try self.init(
            listener.context(near), upstream.context(far), sendBytes: sendBytes,
            bufferBytes: bufferBytes, bySocket: bySocket)
    }

    init(
        _ listener: TLSServerContext, _ upstream: TLSClientContext, sendBytes: CInt = 0,
        bufferBytes: Int = 24_576, bySocket: Bool = false
    ) throws {
        let sockets = try SocketPair(sendBytes: sendBytes)
        server = EnginePeer(sockets.near, listener.library, bufferBytes: bufferBytes)
        client = EnginePeer(sockets.far, upstream.library, bufferBytes: bufferBytes)
        server.accept(listener, bySocket: bySocket)
        client.connect(upstream, bySocket: bySocket)
    }

    /// Lets both go on until both are done, or one has failed.
    func shakeHands() -> (server: TLSProgress, client: TLSProgress) {
        var server = TLSProgress.wantsRead
        var client = TLSProgress.wantsRead
        for _ in 0..<64 {
            if client == .wantsRead || client == .wantsWrite { client = self.client.shakeHands() }
            if server == .wantsRead || server == .wantsWrite { server = self.server.shakeHands() }
            if server.isFinal, client.isFinal { break }
        }
        return (server, client)
    }

    /// Both established, with the server's ticket read.
    static func established(
        _ listener: TestListener = TestListener(), _ upstream: TestUpstream = TestUpstream(),
        sendBytes: CInt = 0, bufferBytes: Int = 24_576, bySocket: Bool = false
    ) throws -> EnginePair {
        let made = try EnginePair(
            listener, upstream, sendBytes: sendBytes, bufferBytes: bufferBytes,
            bySocket: bySocket)
        guard made.shakeHands() == (.established, .established),
            made.client.readAll() == .nothing
        else { throw EngineTestError.notEstablished }
        return made
    }
}

/// What a test could not begin with.
enum EngineTestError: Error { case notEstablished, noSockets }

extension TLSProgress {
    /// Whether nothing follows.
    var isFinal: Bool {
        switch self {
        case .established, .failed: true
        case .wantsRead, .wantsWrite: false
        }
    }
}

/// Copies of what a session lends.
struct SessionTexts {
    var serverName: String
    var fingerprintBytes: Int
    var detailsBytes: Int
    var attachmentBytes: Int
    var unsentBytes: Int

    init(_ session: borrowing TLSSession) {
        let name = session.serverName
        var bytes: [UInt8] = []
        for index in 0..<name.count { bytes.append(name[index]) }
        serverName = String(decoding: bytes, as: UTF8.self)
        fingerprintBytes = session.fingerprint.count
        detailsBytes = session.certificateDetails.count
        attachmentBytes = session.attachment.count
        unsentBytes = session.unsentBytes.count
    }
}
