import COpenSSL
import LinuxIO
import Primitives

/// Where OpenSSL reads and writes during one call: the socket of the session at hand.
///
/// | step | what happens |
/// |---|---|
/// | before the call | `begin`: the socket's number, and whether one receive is permitted |
/// | OpenSSL reads | one `recv` straight into its record buffer; later reads of the call wait |
/// | OpenSSL writes | into `staging`, or, as the last piece of a write, straight to the socket |
/// | after the call | what is staged goes out with one `send`; the session keeps what is left |
@unsafe struct TransportState {
    /// The kernel's number of the socket.
    var number: CInt = -1
    /// Whether a receive is still permitted in this call.
    var mayReceive = false
    /// Whether the socket gave all it had.
    var isDrained = false
    /// Whether the peer's TCP has ended.
    var hasEnded = false
    /// Whether the piece being written is the last, so that it can leave at once.
    var isLast = false
    /// Whether the kernel takes no more.
    var isBlocked = false
    /// Whether a receive has failed.
    var hasFailed = false
    /// Whether the kernel refused to send, and will again. What the peer said before may still
    /// be there to be read, so OpenSSL is told that all was sent.
    var cannotSend = false
    /// Bytes received in this call.
    var received = 0
    /// The fatal alert that was sent or received in this call; 0 for none.
    var alert: UInt8 = 0
    /// Whether that alert came from the peer.
    var isAlertReceived = false
    /// Bytes in `staging`.
    var staged = 0
    /// `TLSTransport.stagingBytes` of memory.
    var staging: UnsafeMutablePointer<UInt8>
}

/// The BIO that all sessions of a worker share, and the state behind it.
///
/// A socket BIO per session would cost memory for each, a second receive for each request only
/// to hear that nothing is left, and a send for each record.
@safe
final class TLSTransport {
    // Safe: state, staging and BIO are made in init, freed in deinit only, and used by the
    // worker's thread alone; callbacks get the state's address, which lives as long as the BIO.
    let state: UnsafeMutablePointer<TransportState>
    /// `BIO *`.
    let bio: OpaquePointer
    private let method: OpaquePointer

    /// Most ciphertext of one call: a worker's buffer of clear bytes with its records' overhead.
    static let stagingBytes = 26_624
    /// Most that a record adds to the clear bytes in it: head, explicit nonce, tag, content type.
    static let recordOverheadBytes = 64

    init(library: OpaquePointer) throws(TLSError) {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "worker")
        else { throw .outOfMemory }
        unsafe BIO_meth_set_read_ex(method, TLSTransport.read)
        unsafe BIO_meth_set_write_ex(method, TLSTransport.write)
        unsafe BIO_meth_set_ctrl(method, TLSTransport.control)
        guard let bio = unsafe BIO_new_ex(library, method) else {
            unsafe BIO_meth_free(method)
            throw .outOfMemory
        }
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: TransportState(staging: .allocate(capacity: TLSTransport.stagingBytes)))
        unsafe BIO_set_data(bio, UnsafeMutableRawPointer(state))
        unsafe BIO_set_init(bio, 1)
        unsafe self.method = method
        unsafe self.bio = bio
    }

    deinit {
        unsafe BIO_free(bio)
        unsafe BIO_meth_free(method)
        unsafe state.pointee.staging.deallocate()
        unsafe state.deallocate()
    }

    /// Prepares for one call of OpenSSL on a session of `socket`.
    ///
    /// - Parameters:
    ///   - receives: Whether the call may read the socket.
    ///   - cannotSend: Whether an earlier call found that nothing is sent any more.
    func begin(_ socket: SocketState, receives: Bool, cannotSend: Bool) {
        unsafe precondition(state.pointee.staged == 0, "another session's bytes are staged")
        unsafe state.pointee.number = socket.number
        unsafe state.pointee.mayReceive = receives && socket.mayRead && !socket.isDrained
        unsafe state.pointee.isDrained = false
        unsafe state.pointee.hasEnded = false
        unsafe state.pointee.isLast = false
        unsafe state.pointee.isBlocked = !socket.mayWrite
        unsafe state.pointee.hasFailed = false
        unsafe state.pointee.cannotSend = cannotSend
        unsafe state.pointee.received = 0
        unsafe state.pointee.alert = 0
        unsafe state.pointee.isAlertReceived = false
    }

    /// Makes `session`, an `SSL *`, note its fatal alerts here.
    func watchAlerts(of session: OpaquePointer) -> Bool {
        // Index 0 is the one that OpenSSL leaves to the application.
        guard unsafe SSL_set_ex_data(session, 0, UnsafeMutableRawPointer(state)) == 1 else {
            return false
        }
        unsafe SSL_set_info_callback(session) { session, place, code in
            guard place & SSL_CB_ALERT != 0, code >> 8 == SSL3_AL_FATAL,
                let data = unsafe SSL_get_ex_data(session, 0)
            else { return }
            let state = unsafe data.assumingMemoryBound(to: TransportState.self)
            unsafe state.pointee.alert = UInt8(truncatingIfNeeded: code)
            unsafe state.pointee.isAlertReceived = place & SSL_CB_READ != 0
        }
        return true
    }

    private static func state(
        of bio: OpaquePointer?
    ) -> UnsafeMutablePointer<TransportState>? {
        unsafe BIO_get_data(bio)?.assumingMemoryBound(to: TransportState.self)
    }

    private static let read:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<CChar>?, Int, UnsafeMutablePointer<Int>?
        )
            -> CInt = { bio, target, size, count in
                unsafe sallyport_clear_retry(bio)
                guard let state = unsafe TLSTransport.state(of: bio), let target = unsafe target
                else { return 0 }
                guard unsafe state.pointee.mayReceive else {
                    if unsafe !state.pointee.hasEnded { unsafe sallyport_retry_read(bio) }
                    return 0
                }
                unsafe state.pointee.mayReceive = false
                let memory = unsafe UnsafeMutableRawBufferPointer(start: target, count: size)
                switch unsafe Descriptor.receive(from: state.pointee.number, into: memory) {
                case .transferred(let received):
                    unsafe count?.pointee = received
                    unsafe state.pointee.received += received
                    // All there was; an edge will tell of more.
                    if received < size { unsafe state.pointee.isDrained = true }
                    return 1
                case .wouldBlock:
                    unsafe state.pointee.isDrained = true
                    unsafe sallyport_retry_read(bio)
                    return 0
                case .endOfStream:
                    unsafe state.pointee.isDrained = true
                    unsafe state.pointee.hasEnded = true
                    return 0
                case .failed:
                    unsafe state.pointee.isDrained = true
                    unsafe state.pointee.hasFailed = true
                    return 0
                }
            }

    private static let write:
        @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int, UnsafeMutablePointer<Int>?)
            -> CInt = { bio, source, size, count in
                unsafe sallyport_clear_retry(bio)
                guard let state = unsafe TLSTransport.state(of: bio), let source = unsafe source
                else { return 0 }
                unsafe count?.pointee = size
                var sent = 0
                if unsafe state.pointee.isLast, unsafe state.pointee.staged == 0,
                    unsafe !state.pointee.isBlocked
                {
                    let bytes = unsafe UnsafeRawBufferPointer(start: source, count: size)
                    sent = unsafe TLSTransport.send(bytes, state)
                } else if unsafe state.pointee.staged + size > TLSTransport.stagingBytes {
                    unsafe TLSTransport.flush(state)
                    guard unsafe state.pointee.staged + size <= TLSTransport.stagingBytes else {
                        unsafe count?.pointee = 0
                        unsafe sallyport_retry_write(bio)
                        return 0
                    }
                }
                if unsafe state.pointee.cannotSend { return 1 }
                let rest = size - sent
                if rest > 0 {
                    let target = unsafe state.pointee.staging + state.pointee.staged
                    unsafe UnsafeMutableRawPointer(target).copyMemory(
                        from: source + sent, byteCount: rest)
                    unsafe state.pointee.staged += rest
                }
                return 1
            }

    /// Sends once; answers how much was taken, and notes what that says about the socket.
    private static func send(
        _ bytes: UnsafeRawBufferPointer, _ state: UnsafeMutablePointer<TransportState>
    ) -> Int {
        guard unsafe !state.pointee.cannotSend else { return 0 }
        let span = unsafe Span<UInt8>(_unsafeBytes: bytes)
        switch unsafe Descriptor.send(span, to: state.pointee.number) {
        case .transferred(let count):
            if count < bytes.count { unsafe state.pointee.isBlocked = true }
            return count
        case .wouldBlock:
            unsafe state.pointee.isBlocked = true
            return 0
        case .endOfStream, .failed:
            unsafe state.pointee.cannotSend = true
            return 0
        }
    }

    /// Sends what is staged, as far as the kernel takes it.
    static func flush(_ state: UnsafeMutablePointer<TransportState>) {
        let staged = unsafe state.pointee.staged
        guard staged > 0 else { return }
        guard unsafe !state.pointee.isBlocked || state.pointee.cannotSend else { return }
        let bytes = unsafe UnsafeRawBufferPointer(start: state.pointee.staging, count: staged)
        let sent = unsafe send(bytes, state)
        if unsafe state.pointee.cannotSend {
            unsafe state.pointee.staged = 0
            return
        }
        let target = unsafe UnsafeMutableRawPointer(state.pointee.staging)
        unsafe target.copyMemory(from: state.pointee.staging + sent, byteCount: staged - sent)
        unsafe state.pointee.staged = staged - sent
    }

    private static let control:
        @convention(c) (OpaquePointer?, CInt, Int, UnsafeMutableRawPointer?) -> Int = {
            _, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH, BIO_CTRL_PUSH, BIO_CTRL_POP, BIO_CTRL_DUP: return 1
            // Not BIO_CTRL_EOF: OpenSSL would send an alert to a peer that has gone.
            default: return 0
            }
        }
}
