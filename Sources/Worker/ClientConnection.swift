import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

/// What a client's connection is doing.
enum ClientPhase: UInt8 {
    /// The TLS handshake is under way.
    case handshake
    /// Nothing of a request has come.
    case idle
    /// A part of a head has come.
    case head
    /// A request waits until the audit log has caught up.
    case audit
    /// A request of a strict route waits until its decision is durable.
    case deciding
    /// A request waits for its endpoint's connection.
    case connecting
    /// A request and its response are under way.
    case exchanging
    /// An answer of a strict route waits until its completion is durable.
    case completing
    /// An answer of our own, or the rest of one that was held back, is being sent.
    case responding
    /// The answer is sent; the rest of the request's body is read and thrown away.
    case discarding
    /// Our side is shut; the client's last bytes are read so that it gets the answer.
    case lingering
}

/// One client's connection. It holds buffers only while they hold bytes.
struct ClientConnection: ~Copyable {
    var stream: PeerStream
    let peer: PeerAddress
    /// Index of the listener it came in by.
    var listener: UInt16
    /// Which settings number the listener so, and judge its request: a slot of `inUse`.
    var generation: UInt8
    /// Whether the connection ends after the request under way, because the settings change.
    var isRetiring = false
    /// Numbered per worker from 1.
    let number: UInt64

    var phase = ClientPhase.idle
    var output = PooledBuffer.none
    /// What is known of the client from its connection.
    var transport = TransportFacts()
    /// What watches the bodies of the exchange, or -1, and how they are read.
    var requestWatch: Int32 = -1
    var responseWatch: Int32 = -1
    var requestKind = BodyKind.opaque
    var responseKind = BodyKind.opaque
    /// How much of the session's attachment, from its start, is the certificate's principal
    /// name; the rest is text for every record.
    var principalNameBytes = 0
    /// How long the handshake took.
    var handshakeMicroseconds: UInt32 = 0
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
        descriptor: consuming Descriptor, peer: PeerAddress, listener: UInt16, generation: UInt8,
        number: UInt64, limits: HTTPLimits
    ) {
        stream = PeerStream(descriptor, isConnected: true)
        self.peer = peer
        self.listener = listener
        self.generation = generation
        self.number = number
        exchange = Exchange(limits: limits)
    }
}

/// What TLS knows of the client. The spans are for the call at hand: they end with the session.
// Safe: only `attach`, the end of TLS and the end of the connection free what they show, and no
// caller keeps one across these. Borrowed, they would keep the whole worker from being changed.
extension ClientConnection {
    /// The principal name of the client's certificate; empty without one.
    var principalName: Span<UInt8> {
        @_lifetime(immortal)
        get {
            let name = stream.session.attachment.extracting(first: principalNameBytes)
            return unsafe _overrideLifetime(name, copying: ())
        }
    }

    /// What the connection adds to the text of each record.
    var connectionText: Span<UInt8> {
        @_lifetime(immortal)
        get {
            let all = stream.session.attachment
            let text = all.extracting(principalNameBytes..<all.count)
            return unsafe _overrideLifetime(text, copying: ())
        }
    }

    /// The server name that the client asked for; empty once the session has an attachment.
    var serverName: Span<UInt8> {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(stream.session.serverName, copying: ()) }
    }

    /// The client's JA4; empty once the session has an attachment.
    var fingerprint: Span<UInt8> {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(stream.session.fingerprint, copying: ()) }
    }

    /// What the client's certificate says; empty once the session has an attachment.
    var certificateDetails: Span<UInt8> {
        @_lifetime(immortal)
        get { unsafe _overrideLifetime(stream.session.certificateDetails, copying: ()) }
    }
}

/// How far a connection to an endpoint has come.
enum UpstreamPhase: UInt8 {
    /// The TCP connect is under way.
    case connecting
    /// The TLS handshake is under way.
    case securing
    /// It takes requests.
    case ready
}

/// One connection to an endpoint.
struct UpstreamConnection: ~Copyable {
    var stream: PeerStream
    /// Number of the endpoint among all endpoints of the latest settings; -1 when it is gone.
    var endpoint: Int
    /// Slot of the client it works for, or -1 when idle.
    var client: Int
    var phase = UpstreamPhase.connecting
    /// Whether it has served a request before the current one.
    var isReused = false
    var scanned = 0

    init(descriptor: consuming Descriptor, endpoint: Int, client: Int) {
        stream = PeerStream(descriptor, isConnected: false)
        self.endpoint = endpoint
        self.client = client
    }
}
