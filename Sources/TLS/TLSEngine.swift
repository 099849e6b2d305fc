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
        accept(context, socket: socket, bySocket: context.usesKernelTLS)
    }

    /// - Parameter bySocket: Whether OpenSSL reads and writes the socket itself.
    mutating func accept(
        _ context: TLSServerContext, socket: CInt, bySocket: Bool
    ) -> TLSSession? {
        unsafe make(context.context, context, isServer: true, bySocket, socket)
    }

    /// A session with an upstream's endpoint that was connected to; nil when memory ran out.
    public mutating func connect(
        _ context: TLSClientContext, endpoint: Int, socket: CInt
    ) -> TLSSession? {
        connect(context, endpoint: endpoint, socket: socket, bySocket: false)
    }

    mutating func connect(
        _ context: TLSClientContext, endpoint: Int, socket: CInt, bySocket: Bool
    ) -> TLSSession? {
        let made = unsafe make(context.context, context, isServer: false, bySocket, socket)
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
        // From here on the session frees it.
        let session = unsafe TLSSession(
            owning: ssl, context: owner, isServer: isServer, ownsTransfers: ownsTransfers)
        guard unsafe library.transport.watchAlerts(of: ssl) else { return nil }
        if ownsTransfers {
            unsafe SSL_set_options(ssl, sallyport_kernel_tls_option())
            guard unsafe SSL_set_fd(ssl, socket) == 1 else { return nil }
        } else {
            let bio = unsafe library.transport.bio
            // SSL_set_bio takes one reference when both are the same.
            guard unsafe BIO_up_ref(bio) == 1 else { return nil }
            unsafe SSL_set_bio(ssl, bio, bio)
        }
        if isServer {
            unsafe SSL_set_accept_state(ssl)
        } else {
            unsafe SSL_set_connect_state(ssl)
        }
        return session
    }

    /// Goes on with the handshake as far as one read leads.
    public mutating func handshake(
        _ session: inout TLSSession, _ socket: inout SocketState
    ) -> TLSProgress {
        guard let ssl = unsafe session.ssl, !session.hasFailed else {
            return .failed(session.brokenFailure)
        }
        switch flush(&session, &socket) {
        case .done: break
        case .blocked: return .wantsWrite
        case .failed: return .failed(session.fail(.tlsHandshakeAbandoned))
        }
        library.hello.clear()
        begin(session, socket, receives: true)
        let result = unsafe SSL_do_handshake(ssl)
        let code = unsafe result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result)
        // A resumed session brings its certificate without showing it again.
        if result == 1, unsafe SSL_session_reused(ssl) == 1,
            let certificate = unsafe SSL_get0_peer_certificate(ssl)
        {
            unsafe library.hello.take(certificate: certificate)
        }
        session.take(library.hello)
        session.hasBegun =
            unsafe session.hasBegun || state.pointee.received > 0
            || session.ownsTransfers && BIO_number_read(SSL_get_rbio(ssl)) > 0
        let isSent = finish(&session, &socket) && !session.cannotSend
        switch code {
        case SSL_ERROR_NONE where isSent:
            session.isEstablished = true
            unsafe session.facts.take(from: ssl, isServer: session.isServer)
            noteReading(session, &socket, wantsMore: false)
            return .established
        case SSL_ERROR_WANT_READ where isSent:
            noteReading(session, &socket, wantsMore: true)
            return session.hasUnsent ? .wantsWrite : .wantsRead
        case SSL_ERROR_WANT_WRITE where isSent:
            socket.mayWrite = false
            return .wantsWrite
        default:
            return .failed(failure(&session, &socket, code, inHandshake: true))
        }
    }

    /// Reads clear bytes behind those held, as many records as came with one receive; `buffer`
    /// has room.
    public mutating func read(
        _ session: inout TLSSession, _ socket: inout SocketState, into buffer: inout PooledBuffer
    ) -> TLSReading {
        guard let ssl = unsafe session.ssl, !session.hasFailed else {
            return session.ending(&socket)
        }
        begin(session, socket, receives: true)
        var taken = 0
        var code = SSL_ERROR_NONE
        repeat {
            let count = unsafe buffer.fill { memory in
                var count = 0
                let result = unsafe SSL_read_ex(ssl, memory.baseAddress, memory.count, &count)
                return result == 1 ? (count, count) : (0, 0)
            }
            guard count > 0 else {
                code = unsafe SSL_get_error(ssl, 0)
                break
            }
            taken += count
        } while unsafe buffer.room > 0 && SSL_has_pending(ssl) == 1
        // Reading can answer: with an alert, or with a key of one's own. A peer that is gone
        // does not hear it, but is heard out.
        let isWhole = finish(&session, &socket)
        switch code {
        case SSL_ERROR_NONE where isWhole:
            noteReading(session, &socket, wantsMore: false)
            return .transferred(taken)
        case SSL_ERROR_WANT_READ where isWhole, SSL_ERROR_WANT_WRITE where isWhole:
            noteReading(session, &socket, wantsMore: true)
            return taken > 0 ? .transferred(taken) : .nothing
        case SSL_ERROR_ZERO_RETURN:
            ERR_clear_error()
            session.ended = .endOfStream
        default:
            if unsafe state.pointee.hasEnded || isCutOff(session, code) {
                ERR_clear_error()
                session.ended = .truncated
                session.hasFailed = true
            } else {
                session.ended = .failed(failure(&session, &socket, code))
            }
        }
        guard taken > 0 else { return session.ending(&socket) }
        // What came before is given first; the next call tells.
        socket.mayRead = true
        return .transferred(taken)
    }

    /// Encrypts from the start of `bytes` as much as goes out with one send, and sends it.
    ///
    /// After `.blocked` the next write begins with the same bytes, and has as many at least.
    ///
    /// - Parameter now: The loop turn's time, for the size of records.
    public mutating func write(
        _ session: inout TLSSession, _ socket: inout SocketState, _ bytes: Span<UInt8>,
        now: Instant
    ) -> TLSWriting {
        guard let ssl = unsafe session.ssl, !session.hasFailed, !session.cannotSend else {
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
        begin(session, socket, receives: false)
        var taken = 0
        var code = SSL_ERROR_NONE
        while taken < bytes.count {
            let left = bytes.count - taken
            // A record that OpenSSL has begun is asked for again with as many bytes at least.
            let size = min(max(most, session.begunBytes), left)
            let next = size + min(most, left - size) + 2 * TLSTransport.recordOverheadBytes
            let isFull = unsafe state.pointee.staged + next > TLSTransport.stagingBytes
            let isLast = size == left || isFull
            unsafe state.pointee.isLast = isLast
            var count = 0
            let piece = bytes.extracting(taken..<taken + size)
            let result = unsafe piece.withUnsafeBytes {
                unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &count)
            }
            guard result == 1 else {
                code = unsafe SSL_get_error(ssl, result)
                session.begunBytes = size
                break
            }
            session.begunBytes = 0
            taken += count
            if isLast { break }
        }
        session.burstBytes = UInt32(clamping: UInt64(session.burstBytes) + UInt64(taken))
        let isSent = finish(&session, &socket)
        // What the peer said before it went is still read.
        if session.cannotSend { return .failed(session.brokenFailure) }
        switch code {
        case SSL_ERROR_NONE where isSent:
            return .transferred(taken)
        case SSL_ERROR_WANT_WRITE where isSent, SSL_ERROR_WANT_READ where isSent:
            socket.mayWrite = false
            return taken > 0 ? .transferred(taken) : .blocked
        default:
            return .failed(failure(&session, &socket, code))
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
                session.cannotSend = true
                session.dropUnsent(pending)
                return .failed
            }
        }
        return .done
    }

    /// Tells the peer that nothing more will be sent (`close_notify`); once, best effort.
    public mutating func shutdown(_ session: inout TLSSession, _ socket: inout SocketState) {
        guard let ssl = unsafe session.ssl, session.isEstablished, !session.hasFailed,
            !session.cannotSend, unsafe SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0
        else { return }
        begin(session, socket, receives: false)
        unsafe state.pointee.isLast = !session.hasUnsent
        unsafe SSL_shutdown(ssl)
        _ = finish(&session, &socket)
        ERR_clear_error()
    }

    private func begin(
        _ session: borrowing TLSSession, _ socket: SocketState, receives: Bool
    ) {
        ERR_clear_error()
        library.transport.begin(socket, receives: receives, cannotSend: session.cannotSend)
    }

    /// Sends what the call has staged; what is left stays with the session. False when it can't,
    /// or when the socket could not be read.
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
        if unsafe state.pointee.cannotSend {
            session.cannotSend = true
            let unsent = session.unsentBytes.count
            session.dropUnsent(unsent)
        }
        if unsafe state.pointee.isBlocked, !session.ownsTransfers { socket.mayWrite = false }
        return unsafe !state.pointee.hasFailed
    }

    /// Notes what a call that could read has learned of the socket.
    ///
    /// - Parameter wantsMore: Whether OpenSSL can't go on with what it holds.
    private func noteReading(
        _ session: borrowing TLSSession, _ socket: inout SocketState, wantsMore: Bool
    ) {
        if session.ownsTransfers {
            // It asked the kernel, which had nothing.
            if wantsMore { socket.mayRead = false }
            return
        }
        var isDrained = socket.isDrained || !socket.mayRead
        if unsafe state.pointee.isDrained {
            // The end that the kernel has announced is still to be read.
            isDrained = unsafe !socket.isPeerClosing || state.pointee.hasEnded
        }
        let hasMore = unsafe !wantsMore && SSL_has_pending(session.ssl) == 1
        socket.mayRead = !isDrained || hasMore
        socket.isDrained = isDrained && hasMore
    }

    /// Whether the peer's TCP ended, where OpenSSL read the socket itself.
    private func isCutOff(_ session: borrowing TLSSession, _ code: CInt) -> Bool {
        guard session.ownsTransfers else { return false }
        let reason = ERR_peek_error() & 0x7F_FFFF
        return code == SSL_ERROR_SYSCALL || reason == UInt(SSL_R_UNEXPECTED_EOF_WHILE_READING)
    }

    /// Breaks the session, and says why.
    ///
    /// - Parameter code: What `SSL_get_error` said.
    private func failure(
        _ session: inout TLSSession, _ socket: inout SocketState, _ code: CInt,
        inHandshake: Bool = false
    ) -> TLSFailure {
        socket.mayRead = false
        defer { ERR_clear_error() }
        if inHandshake, library.hello.isNameRefused {
            return session.fail(.tlsServerNameUnknown, alert: unsafe state.pointee.alert)
        }
        // Why OpenSSL gave up counts, even if the peer did not stay to hear it.
        guard code == SSL_ERROR_SSL, !isCutOff(session, code) else {
            return session.fail(.tlsHandshakeAbandoned)
        }
        session.hasFailed = true
        var failure = unsafe TLSFailure.taken(
            verification: SSL_get_verify_result(session.ssl), isServer: session.isServer)
        if failure.alert == 0 { unsafe failure.alert = state.pointee.alert }
        return failure
    }
}

extension TLSSession {
    /// What a session that is none, or broken, answers.
    var brokenFailure: TLSFailure {
        TLSFailure(reason: isServer ? .tlsMalformed : .upstreamTLSFailed)
    }

    /// Breaks the session; `reason` is what a client's failure is called.
    mutating func fail(_ reason: Reason, alert: UInt8 = 0) -> TLSFailure {
        hasFailed = true
        return TLSFailure(reason: isServer ? reason : .upstreamTLSFailed, alert: alert)
    }

    /// How the stream ended, once all that came before has been given.
    func ending(_ socket: inout SocketState) -> TLSReading {
        socket.mayRead = false
        guard let ended else { return .failed(brokenFailure) }
        if ended == .endOfStream || ended == .truncated { socket.hasEnded = true }
        return ended
    }
}
