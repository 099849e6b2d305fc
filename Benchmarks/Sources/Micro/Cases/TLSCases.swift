import Crypto
import Foundation
import Glibc
import LinuxIO
import Primitives
import TLS

/// What TLS adds to a request: records written and read over a pair of sockets.
enum TLSCases {
    static func run(_ harness: inout Harness) throws {
        guard harness.wantsGroup("TLS") else { return }
        let peers = try Peers()
        let bytes = [UInt8](repeating: 0x61, count: 1024)
        harness.measure("TLS write, read 1 KiB, with syscalls") { count in
            for _ in 0..<count { peers.cross(bytes) }
        }
        let plain = try Sockets()
        harness.measure("send, receive 1 KiB, without TLS") { count in
            for _ in 0..<count { plain.cross(bytes) }
        }
    }
}

/// Two connected sockets.
private final class Sockets {
    let near: CInt
    let far: CInt
    private var memory = [UInt8](repeating: 0, count: 4096)

    init() throws {
        var numbers: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        precondition(socketpair(AF_UNIX, kind, 0, &numbers) == 0)
        near = numbers[0]
        far = numbers[1]
    }

    func cross(_ bytes: [UInt8]) {
        precondition(send(near, bytes, bytes.count, 0) == bytes.count)
        precondition(recv(far, &memory, memory.count, 0) == bytes.count)
    }
}

/// A client and a server whose handshake is done.
private final class Peers {
    private let sockets: Sockets
    private let contexts: (TLSServerContext, TLSClientContext)
    private var engine: TLSEngine
    private var other: TLSEngine
    private var client: TLSSession
    private var server: TLSSession
    private var clientSocket: SocketState
    private var serverSocket: SocketState
    private var buffers = BufferPool(capacity: 1, bufferBytes: 24_576)
    private var buffer = PooledBuffer.none

    init() throws {
        let sockets = try Sockets()
        let near = try TLSLibrary()
        let far = try TLSLibrary()
        let folder = URL(filePath: #filePath).appending(path: "../../../../../Tests/Vectors/tls")
        func bytes(_ name: String) throws -> [UInt8] {
            Array(try Data(contentsOf: folder.appending(path: name).standardized))
        }
        let key = try bytes("server-ecdsa.key")
        guard let secret = SecretBytes(copying: key.span) else { throw TLSError.outOfMemory }
        let files = TLSServerFiles(certificates: [
            CertificateBytes(certificate: try bytes("server-ecdsa.pem"), key: secret)
        ])
        let paths = CertificateFiles(certificate: "server-ecdsa.pem", key: "server-ecdsa.key")
        let listener = try TLSServerContext(
            TLSServerSettings(certificates: [paths]), files: files, listener: "bench",
            library: near, now: WallTime(microseconds: 1_782_864_000_000_000))
        var settings = TLSClientSettings()
        settings.acceptsAnyCertificate = true
        let upstream = try TLSClientContext(
            settings, files: TLSClientFiles(), hosts: ["www.example.test"], library: far)
        var engine = TLSEngine(near)
        var other = TLSEngine(far)
        guard let server = engine.accept(listener, socket: sockets.near),
            let client = other.connect(upstream, endpoint: 0, socket: sockets.far)
        else { throw TLSError.outOfMemory }
        self.sockets = sockets
        contexts = (listener, upstream)
        self.engine = engine
        self.other = other
        self.server = server
        self.client = client
        serverSocket = SocketState(number: sockets.near, mayWrite: true)
        clientSocket = SocketState(number: sockets.far, mayWrite: true)
        _ = buffers.lend(&buffer)
        for _ in 0..<4 {
            clientSocket.take(.readable)
            _ = self.other.handshake(&self.client, &clientSocket)
            serverSocket.take(.readable)
            _ = self.engine.handshake(&self.server, &serverSocket)
        }
        precondition(self.server.isEstablished && self.client.isEstablished)
    }

    /// Sends `bytes` from the client to the server.
    func cross(_ bytes: [UInt8]) {
        let now = Instant(nanoseconds: 5_000_000_000)
        let written = other.write(&client, &clientSocket, bytes.span, now: now)
        precondition(written == .transferred(bytes.count))
        serverSocket.take(.readable)
        let read = engine.read(&server, &serverSocket, into: &buffer)
        precondition(read == .transferred(bytes.count))
        buffer.consume(bytes.count)
    }
}
