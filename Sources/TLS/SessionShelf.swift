import COpenSSL

/// The newest TLS session of each endpoint, kept for the next connection to it.
///
/// A server's tickets come after its handshake, one or several; the last one counts. A ticket of
/// TLS 1.3 is used once (RFC 8446 §C.4), so that nobody can tell by it that two connections are one
/// client's.
// Safe: each session kept is this object's own reference, freed when it is given away, replaced or
// in deinit. OpenSSL calls back inside a call for a session that holds this object's owner.
@safe
final class SessionShelf {
    private var sessions: [OpaquePointer?]

    /// Where an `SSL *` keeps its endpoint's number plus one.
    private static let place = CRYPTO_get_ex_new_index(
        CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil, nil)

    /// A shelf for so many endpoints, which `context`, an `SSL_CTX *`, fills.
    init(count: Int, context: OpaquePointer) throws(TLSError) {
        unsafe sessions = Array(repeating: nil, count: count)
        guard SessionShelf.place >= 0 else { throw .outOfMemory }
        let mode =
            SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_LOOKUP
            | SSL_SESS_CACHE_NO_INTERNAL_STORE
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(mode), nil)
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        guard unsafe SSL_CTX_set_ex_data(context, 0, own) == 1 else { throw .outOfMemory }
        unsafe SSL_CTX_sess_set_new_cb(context) { connection, session in
            guard let connection = unsafe connection, let session = unsafe session,
                let own = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), 0)
            else { return 0 }
            let shelf = unsafe Unmanaged<SessionShelf>.fromOpaque(own).takeUnretainedValue()
            return unsafe shelf.keep(session, of: connection) ? 1 : 0
        }
        unsafe SSL_CTX_set_info_callback(context) { connection, event, _ in
            guard event == SSL_CB_HANDSHAKE_DONE, let connection = unsafe connection,
                let own = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), 0)
            else { return }
            unsafe Unmanaged<SessionShelf>.fromOpaque(own).takeUnretainedValue()
                .keepRenewed(connection)
        }
    }

    deinit {
        while let session = unsafe sessions.popLast() { unsafe SSL_SESSION_free(session) }
    }

    /// How many sessions are kept.
    var count: Int {
        unsafe sessions.count { unsafe $0 != nil }
    }

    /// Makes `connection`, an `SSL *`, one to this endpoint, and resume its last session.
    func offer(_ endpoint: Int, to connection: OpaquePointer) -> Bool {
        let number = unsafe UnsafeMutableRawPointer(bitPattern: endpoint + 1)
        guard unsafe SSL_set_ex_data(connection, SessionShelf.place, number) == 1 else {
            return false
        }
        guard let session = unsafe sessions[endpoint] else { return true }
        guard unsafe SessionShelf.isUsable(session) else {
            unsafe SSL_SESSION_free(session)
            unsafe sessions[endpoint] = nil
            return true
        }
        // A session that the connection can't resume only makes its handshake a full one.
        _ = unsafe SSL_set_session(connection, session)
        if unsafe SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION {
            unsafe SSL_SESSION_free(session)
            unsafe sessions[endpoint] = nil
        }
        return true
    }

    /// Takes over the ticket that a resumed handshake of TLS 1.2 has brought: OpenSSL tells of new
    /// sessions only after full ones, and has made the old one unusable.
    private func keepRenewed(_ connection: OpaquePointer) {
        guard unsafe SSL_session_reused(connection) == 1,
            unsafe SSL_version(connection) < TLS1_3_VERSION,
            let session = unsafe SSL_get1_session(connection)
        else { return }
        if unsafe !keep(session, of: connection) { unsafe SSL_SESSION_free(session) }
    }

    private func keep(_ session: OpaquePointer, of connection: OpaquePointer) -> Bool {
        let number = unsafe UInt(bitPattern: SSL_get_ex_data(connection, SessionShelf.place))
        let count = unsafe sessions.count
        guard let endpoint = Int(exactly: number), endpoint > 0, endpoint <= count,
            unsafe SSL_SESSION_is_resumable(session) == 1
        else { return false }
        unsafe SSL_SESSION_free(sessions[endpoint - 1])
        unsafe sessions[endpoint - 1] = session
        return true
    }

    /// Whether it can be resumed, and the server's certificate has not run out since, which nothing
    /// else checks again.
    private static func isUsable(_ session: OpaquePointer) -> Bool {
        guard unsafe SSL_SESSION_is_resumable(session) == 1 else { return false }
        guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return true }
        return unsafe X509_cmp_time(X509_get0_notAfter(certificate), nil) > 0
    }
}
