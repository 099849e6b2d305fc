import COpenSSL
import LinuxIO
import Primitives

/// One worker's hands on its TLS sessions: makes them, and moves bytes through them.
///
/// Every call reads the socket once at most, so that no peer keeps the thread inside OpenSSL, and
/// writes it once as a rule. One thread owns it.
@safe
public struct TLSEngine: ~Copyable {
    // Safe: a session's `SSL *` lives as long as the session, which is borrowed for each call.
    let library: TLSLibrary
    private let state: UnsafeMutablePointer<TransportState>

    /// Largest record, in clear bytes (RFC 8446 §5.1).
    private static let largestRecordBytes = 16_384
    /// Clear bytes of a record that fits into one segment of an Ethernet path, so that the
    /// peer can use it without waiting for more.
    private static let segmentRecordBytes = 1369
    /// How much is sent in small records before latency gives way to throughput.
    private static let burstBytes: UInt32 = 65_536
    /// After this long without a write, records are small again.
    private static let pauseNanoseconds: UInt64 = 1_000_000_000

    /// The hands on sessions of `library`.
    public init(_ library: TLSLibrary) {
        self.library = library
        unsafe state = library.transport.state
    }

    /// A session with a client that has connected; nil when memory ran out.
    public mutating func accept(_ context: TLSServerContext, socket: CInt) -> TLSSession? {
        unsafe make(context.context, context, isServer: true, context.usesKernelTLS, socket)
    }

    /// A session with an upstream's endpoint that was connected to; nil when memory ran out.
    public mutating func connect(
        _ context: TLSClientContext, endpoint: Int, socket: CInt
    ) -> TLSSession? {
        let made = unsafe make(context.context, context, isServer: false, false, socket)
        guard let session = made, let ssl = unsafe session.ssl,
            unsafe context.prepare(ssl, endpoint: endpoint)
        else { return nil }
        return session
    }

    private func make(
        _ context: OpaquePointer, _ owner: AnyObject, isServer: Bool, _ ownsTransfers: Bool,
        _ socket: CInt
    ) -> TLSSession? {
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context) else { return nil }
        if ownsTransfers {
            guard unsafe SSL_set_fd(ssl, socket) == 1 else {
                unsafe SSL_free(ssl)
                return nil
            }
        } else {
            let bio = unsafe library.transport.bio
            // SSL_set_bio takes one reference when both are the same.
            unsafe BIO_up_ref(bio)
            unsafe SSL_set_bio(ssl, bio, bio)
        }
        if isServer {
            unsafe SSL_set_accept_state(ssl)
        } else {
            unsafe SSL_set_connect_state(ssl)
        }
        return unsafe TLSSession(
            owning: ssl, context: owner, isServer: isServer, ownsTransfers: ownsTransfers)
    }

    /// Goes on with the handshake as far as one read leads.
    public mutating func handshake(
        _ session: inout TLSSession, _ socket: inout SocketState
    ) -> TLSProgress {
        guard let ssl = unsafe session.ssl, !session.hasFailed else {
            return .failed(session.brokenFailure)
        }
        library.hello.clear()
        begin(socket)
        let result = unsafe SSL_do_handshake(ssl)
        // A resumed session brings its certificate without showing it again.
        if result == 1, unsafe SSL_session_reused(ssl) == 1,
            let certificate = unsafe SSL_get0_peer_certificate(ssl)
        {
            unsafe library.hello.take(certificate: certificate)
        }
        session.take(library.hello)
        let code = unsafe result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result)
        if unsafe state.pointee.received > 0 || session.ownsTransfers { session.hasBegun = true }
        let isSent = finish(&session, &socket)
        switch code {
        case SSL_ERROR_NONE:
            session.isEstablished = true
            unsafe session.facts.take(from: ssl)
            noteLeft(session, &socket)
            return isSent ? .established : .failed(session.fail(.tlsHandshakeAbandoned))
        case SSL_ERROR_WANT_READ where isSent:
            noteDrained(session, &socket)
            return .wantsRead
        case SSL_ERROR_WANT_WRITE where isSent:
            socket.mayWrite = false
            return .wantsWrite
        default:
            return .failed(failure(&session, &socket, duringHandshake: true))
        }
    }

    /// Reads clear bytes behind those held; `buffer` has room.
    public mutating func read(
        _ session: inout TLSSession, _ socket: inout SocketState, into buffer: inout PooledBuffer
    ) -> TLSReading {
        guard let ssl = unsafe session.ssl, !session.hasFailed else {
            return .failed(session.brokenFailure)
        }
        begin(socket)
        let result = unsafe buffer.fill { memory in
            var count = 0
            let result = unsafe SSL_read_ex(ssl, memory.baseAddress, memory.count, &count)
            return (result == 1 ? count : 0, result == 1 ? count : -1)
        }
        let code = unsafe result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, 0)
        // Reading can answer: with an alert, or with a key of one's own.
        guard finish(&session, &socket) else { return .failed(failure(&session, &socket)) }
        switch code {
        case SSL_ERROR_NONE:
            noteLeft(session, &socket)
            return .transferred(result)
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            noteDrained(session, &socket)
            return .nothing
        case SSL_ERROR_ZERO_RETURN:
            return .endOfStream
        default:
            if unsafe state.pointee.hasEnded || isCutOff(session, code) {
                session.hasFailed = true
                ERR_clear_error()
                return .truncated
            }
            return .failed(failure(&session, &socket))
        }
    }

    /// Encrypts from the start of `bytes` as much as goes out with one send, and sends it.
    ///
    /// - Parameter now: The loop turn's time, for the size of records.
    public mutating func write(
        _ session: inout TLSSession, _ socket: inout SocketState, _ bytes: Span<UInt8>,
        now: Instant
    ) -> TLSWriting {
        guard let ssl = unsafe session.ssl, !session.hasFailed else {
            return .failed(session.brokenFailure)
        }
        guard !session.hasUnsent, socket.mayWrite else { return .blocked }
        if now.nanoseconds(since: session.lastWrite) > TLSEngine.pauseNanoseconds {
            session.burstBytes = 0
        }
        session.lastWrite = now
        let most =
            session.burstBytes < TLSEngine.burstBytes
            ? TLSEngine.segmentRecordBytes : TLSEngine.largestRecordBytes
        begin(socket)
        var taken = 0
        var code = SSL_ERROR_NONE
        while taken < bytes.count {
            let size = min(most, bytes.count - taken)
            let left = bytes.count - taken - size
            let next = size + min(most, left) + 2 * TLSTransport.recordOverheadBytes
            let isFull = unsafe state.pointee.staged + next > TLSTransport.stagingBytes
            let isLast = left == 0 || isFull
            unsafe state.pointee.isLast = isLast
            var count = 0
            let piece = bytes.extracting(taken..<taken + size)
            let result = unsafe piece.withUnsafeBytes {
                unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &count)
            }
            guard result == 1 else {
                code = unsafe SSL_get_error(ssl, result)
                break
            }
            taken += count
            if isLast { break }
        }
        session.burstBytes = UInt32(clamping: UInt64(session.burstBytes) + UInt64(taken))
        guard finish(&session, &socket) else { return .failed(failure(&session, &socket)) }
        switch code {
        case SSL_ERROR_NONE: return .transferred(taken)
        case SSL_ERROR_WANT_WRITE, SSL_ERROR_WANT_READ:
            if taken > 0 { return .transferred(taken) }
            socket.mayWrite = false
            return .blocked
        default: return .failed(failure(&session, &socket))
        }
    }

    /// Sends what the kernel had not taken.
    public mutating func flush(
        _ session: inout TLSSession, _ socket: inout SocketState
    ) -> TLSFlushing {
        while session.hasUnsent {
            guard socket.mayWrite else { return .blocked }
            let pending = session.unsentBytes.count
            switch Descriptor.send(session.unsentBytes, to: socket.number) {
            case .transferred(let count):
                session.dropUnsent(count)
                if count < pending { socket.mayWrite = false }
            case .wouldBlock:
                socket.mayWrite = false
            case .endOfStream, .failed:
                session.hasFailed = true
                return .failed
            }
        }
        return .done
    }

    /// Tells the peer that nothing more will be sent (`close_notify`); once, best effort.
    public mutating func shutdown(_ session: inout TLSSession, _ socket: inout SocketState) {
        guard let ssl = unsafe session.ssl, session.isEstablished, !session.hasFailed,
            unsafe SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0
        else { return }
        begin(socket)
        unsafe state.pointee.mayReceive = false
        unsafe SSL_shutdown(ssl)
        _ = finish(&session, &socket)
        ERR_clear_error()
    }

    private func begin(_ socket: SocketState) {
        ERR_clear_error()
        library.transport.begin(socket)
    }

    /// Sends what the call has staged; what is left stays with the session. False when the
    /// connection is broken.
    private func finish(_ session: inout TLSSession, _ socket: inout SocketState) -> Bool {
        if unsafe state.pointee.staged > 0 {
            if !session.hasUnsent { unsafe TLSTransport.flush(state) }
            let staged = unsafe state.pointee.staged
            if staged > 0 {
                let rest = unsafe Span(_unsafeStart: state.pointee.staging, count: staged)
                unsafe state.pointee.staged = 0
                guard session.keepUnsent(rest) else { return false }
            }
        }
        if unsafe state.pointee.isBlocked, !session.ownsTransfers { socket.mayWrite = false }
        return unsafe !state.pointee.hasFailed
    }

    /// Clear bytes were given, and more may be held.
    private func noteLeft(_ session: borrowing TLSSession, _ socket: inout SocketState) {
        guard unsafe state.pointee.isDrained else { return }
        let hasPending = unsafe SSL_has_pending(session.ssl) == 1
        let hasEnded = unsafe state.pointee.hasEnded
        socket.mayRead = hasPending || (socket.isPeerClosing && !hasEnded)
    }

    /// OpenSSL wants more than it has.
    private func noteDrained(_ session: borrowing TLSSession, _ socket: inout SocketState) {
        if session.ownsTransfers {
            socket.mayRead = false
        } else if unsafe state.pointee.isDrained || !socket.mayRead {
            let hasEnded = unsafe state.pointee.hasEnded
            socket.mayRead = socket.isPeerClosing && !hasEnded
        }
    }

    /// Whether the peer's TCP ended, where OpenSSL read the socket itself.
    private func isCutOff(_ session: borrowing TLSSession, _ code: CInt) -> Bool {
        guard session.ownsTransfers else { return false }
        let reason = ERR_peek_error() & 0x7F_FFFF
        return code == SSL_ERROR_SYSCALL || reason == UInt(SSL_R_UNEXPECTED_EOF_WHILE_READING)
    }

    private func failure(
        _ session: inout TLSSession, _ socket: inout SocketState, duringHandshake: Bool = false
    ) -> TLSFailure {
        socket.mayRead = false
        let isAbandoned =
            unsafe state.pointee.hasEnded || state.pointee.hasFailed
            || isCutOff(session, SSL_ERROR_NONE)
        if library.hello.isNameRefused {
            ERR_clear_error()
            return session.fail(.tlsServerNameUnknown)
        }
        if isAbandoned {
            ERR_clear_error()
            return session.fail(.tlsHandshakeAbandoned)
        }
        session.hasFailed = true
        let verification = unsafe SSL_get_verify_result(session.ssl)
        return TLSFailure.taken(verification: verification, isServer: session.isServer)
    }
}

extension TLSSession {
    /// What a session that is none, or broken, answers.
    var brokenFailure: TLSFailure {
        TLSFailure(reason: isServer ? .tlsMalformed : .upstreamTLSFailed)
    }

    /// Breaks the session; `reason` is what a client's failure is called.
    mutating func fail(_ reason: Reason) -> TLSFailure {
        hasFailed = true
        return TLSFailure(reason: isServer ? reason : .upstreamTLSFailed)
    }
}
