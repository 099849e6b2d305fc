import Glibc
import LinuxIO
import Primitives

@testable import TLS

/// Two engines, each a worker's, with sessions over a pair of connected sockets.
struct SocketHandshake {
    /// How the two sides came out.
    struct Outcome {
        var server = TLSProgress.wantsRead
        var client = TLSProgress.wantsRead
        /// What the client's first read gave, once the server was done.
        var reading = TLSReading.nothing
        var serverFacts = TLSFacts()
        var clientFacts = TLSFacts()
        var serverName = ""
        var fingerprint = ""
        /// Subject of the client's certificate, as the server has it.
        var subject = ""
    }

    /// Runs a handshake, and sends one byte to the client.
    static func run(
        _ serverContext: TLSServerContext, _ clientContext: TLSClientContext,
        name: String? = nil
    ) -> Outcome {
        var outcome = Outcome()
        var numbers: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &numbers) == 0 else { return outcome }
        let near = Descriptor(owning: numbers[0])
        let far = Descriptor(owning: numbers[1])
        var serverEngine = TLSEngine(serverContext.library)
        var clientEngine = TLSEngine(clientContext.library)
        let accepted = serverEngine.accept(serverContext, socket: near.number)
        let connected = clientEngine.connect(clientContext, endpoint: 0, socket: far.number)
        guard var server = accepted, var client = connected else { return outcome }
        var serverSocket = SocketState(number: near.number, mayWrite: true)
        var clientSocket = SocketState(number: far.number, mayWrite: true)
        for _ in 0..<16 {
            if !outcome.client.isOver {
                clientSocket.mayRead = true
                outcome.client = clientEngine.handshake(&client, &clientSocket)
            }
            if !outcome.server.isOver {
                serverSocket.mayRead = true
                outcome.server = serverEngine.handshake(&server, &serverSocket)
            }
            if outcome.client.isOver, outcome.server.isOver { break }
        }
        if outcome.server == .established {
            let byte: [UInt8] = [1]
            _ = serverEngine.write(&server, &serverSocket, byte.span, now: .zero)
        }
        if outcome.client == .established {
            var pool = BufferPool(capacity: 1, bufferBytes: 4096)
            var buffer = PooledBuffer.none
            if pool.lend(&buffer) {
                clientSocket.mayRead = true
                outcome.reading = clientEngine.read(&client, &clientSocket, into: &buffer)
                pool.give(&buffer)
            }
        }
        outcome.serverFacts = server.facts
        outcome.clientFacts = client.facts
        outcome.serverName = server.serverName.text()
        outcome.fingerprint = server.fingerprint.text()
        var offset = 0
        let details = server.certificateDetails
        if let detail = details.nextCertificateDetail(&offset), detail.attribute == .subject {
            outcome.subject = details.extracting(detail.value).text()
        }
        return outcome
    }
}

extension TLSProgress {
    /// Whether there is nothing more to do.
    var isOver: Bool {
        switch self {
        case .established, .failed: true
        case .wantsRead, .wantsWrite: false
        }
    }
}
