import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// A connection to the process that holds the log's own key; made anew where it broke.
///
/// Each question has a deadline, so that the writer's thread is never kept longer than that.
struct RemoteSigner: ~Copyable, Sendable {
    private let path: String
    private var connection: MessageConnection?

    /// How long an answer may take; a signer makes what it signs durable first.
    static let answerMilliseconds: Int32 = 250
    /// How long the start waits for a signer that starts beside it.
    static let startNanoseconds: UInt64 = 10_000_000_000

    init(path: String) {
        self.path = path
        connection = nil
    }

    /// Asks, and waits for the answer.
    mutating func ask(_ request: SignerRequest) throws(SigningFailure) -> SignerReply {
        do throws(SystemError) {
            return try answer(request)
        } catch {
            // An answer that comes late must not be taken for that of the next question.
            connection = nil
            throw .unavailable(error)
        }
    }

    /// The same, again and again until the deadline of the start.
    mutating func askAtStart(_ request: SignerRequest) throws(SigningFailure) -> SignerReply {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: RemoteSigner.startNanoseconds)
        while true {
            do throws(SigningFailure) {
                return try ask(request)
            } catch {
                guard case .unavailable = error, SystemClock.monotonic() < deadline else {
                    throw error
                }
                SystemClock.sleep(milliseconds: 100)
            }
        }
    }

    private mutating func answer(_ request: SignerRequest) throws(SystemError) -> SignerReply {
        if connection == nil { connection = try MessageConnection(path: path) }
        switch connection {
        case .none: throw .notConnected("connect")
        case .some(let connection):
            try connection.send(request.bytes.span)
            guard try connection.wait(milliseconds: RemoteSigner.answerMilliseconds) else {
                throw .timedOut("recv")
            }
            switch connection.receive(limitBytes: SignerReply.limitBytes) {
            case .message(let bytes):
                guard let reply = SignerReply(bytes) else { throw .malformedMessage("recv") }
                return reply
            case .wouldBlock, .closed: throw .notConnected("recv")
            case .failed(let error): throw error
            }
        }
    }
}
