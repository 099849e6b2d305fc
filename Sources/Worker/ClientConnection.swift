import HTTP
import LinuxIO
import Primitives
import RequestFlow

/// What a client's connection is doing.
enum ClientPhase: UInt8 {
    /// Nothing of a request has come.
    case idle
    /// A part of a head has come.
    case head
    /// A request waits until the audit log has caught up.
    case audit
    /// A request waits for its endpoint's connection.
    case connecting
    /// A request and its response are under way.
    case exchanging
    /// An answer of our own is being sent.
    case responding
    /// The answer is sent; the rest of the request's body is read and thrown away.
    case discarding
    /// Our side is shut; the client's last bytes are read so that it gets the answer.
    case lingering
}

/// One client's connection. It holds buffers only while they hold bytes.
struct ClientConnection: ~Copyable {
    let descriptor: Descriptor
    let peer: PeerAddress
    /// Index of the listener it came in by.
    let listener: UInt16
    /// Numbered per worker from 1.
    let number: UInt64

    var phase = ClientPhase.idle
    /// Whether a read may give bytes: an edge was reported and not used up.
    var mayRead = false
    var mayWrite = true
    /// The client has said that it sends no more.
    var isPeerClosing = false
    /// All that the client sent has been read.
    var hasEnded = false
    var input = PooledBuffer.none
    var output = PooledBuffer.none
    /// How far the input was searched for the end of a head.
    var scanned = 0
    /// Requests read on this connection.
    var requests: UInt32 = 0
    /// When the first byte of the head came.
    var headStarted = Instant.zero
    /// When the phase becomes a failure (exchanges have their own).
    var deadline = Instant.distantFuture
    /// Slot of the upstream connection, or -1.
    var upstream = -1
    /// Bytes still thrown away before the connection is given up (`discarding`, `lingering`).
    var discardBytes = 0
    var exchange: Exchange

    init(
        descriptor: consuming Descriptor, peer: PeerAddress, listener: UInt16, number: UInt64,
        limits: HTTPLimits
    ) {
        self.descriptor = descriptor
        self.peer = peer
        self.listener = listener
        self.number = number
        exchange = Exchange(limits: limits)
    }
}

/// One connection to an endpoint.
struct UpstreamConnection: ~Copyable {
    let descriptor: Descriptor
    /// Number of the endpoint among all endpoints.
    let endpoint: Int
    /// Slot of the client it works for, or -1 when idle.
    var client: Int
    var isConnected = false
    /// Whether it has served a request before the current one.
    var isReused = false
    var mayRead = false
    var mayWrite = false
    var isPeerClosing = false
    var hasEnded = false
    var input = PooledBuffer.none
    var scanned = 0

    init(descriptor: consuming Descriptor, endpoint: Int, client: Int) {
        self.descriptor = descriptor
        self.endpoint = endpoint
        self.client = client
    }
}
