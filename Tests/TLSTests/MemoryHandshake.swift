import COpenSSL

@testable import TLS

/// A handshake between a server's and a client's context over a pair of BIOs, without sockets.
///
/// What is not ours to configure (ciphers, curves, protocols of the client) is set on `client`
/// before `run`.
final class MemoryHandshake {
    let server: OpaquePointer
    let client: OpaquePointer
    private let serverContext: TLSServerContext
    private let clientContext: TLSClientContext
    /// OpenSSL's reason for a failure of each side; 0 for none.
    private(set) var serverReason: CInt = 0
    private(set) var clientReason: CInt = 0

    init?(_ serverContext: TLSServerContext, _ clientContext: TLSClientContext, endpoint: Int = 0) {
        self.serverContext = serverContext
        self.clientContext = clientContext
        var near: OpaquePointer?
        var far: OpaquePointer?
        guard let server = SSL_new(serverContext.context),
            let client = SSL_new(clientContext.context),
            BIO_new_bio_pair(&near, 1 << 16, &far, 1 << 16) == 1
        else { return nil }
        self.server = server
        self.client = client
        SSL_set_bio(server, near, near)
        SSL_set_bio(client, far, far)
        SSL_set_accept_state(server)
        SSL_set_connect_state(client)
        serverContext.library.hello.clear()
        guard clientContext.prepare(client, endpoint: endpoint) else { return nil }
    }

    deinit {
        // As TLSSession does: without it, OpenSSL would forbid resuming the session.
        SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(server)
        SSL_free(client)
    }

    /// Both sides' handshakes, and one byte from the server, so that its ticket is read.
    ///
    /// - Returns: Whether both succeeded.
    func run() -> Bool {
        for _ in 0..<16 {
            clientReason = step(client)
            serverReason = step(server)
            guard clientReason == 0, serverReason == 0 else {
                // The side that did not fail first learns why.
                if clientReason == 0 { clientReason = step(client) }
                return false
            }
            guard SSL_is_init_finished(client) == 1, SSL_is_init_finished(server) == 1 else {
                continue
            }
            var byte: UInt8 = 1
            guard SSL_write(server, &byte, 1) == 1 else { return false }
            let count = SSL_read(client, &byte, 1)
            if count != 1 { clientReason = reason() }
            return count == 1
        }
        return false
    }

    private func step(_ side: OpaquePointer) -> CInt {
        ERR_clear_error()
        let result = SSL_do_handshake(side)
        guard result != 1 else { return 0 }
        switch SSL_get_error(side, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return 0
        default: return reason()
        }
    }

    private func reason() -> CInt {
        let code = ERR_peek_error()
        ERR_clear_error()
        return code == 0 ? -1 : ERR_GET_REASON(code)
    }

    var isResumed: Bool { SSL_session_reused(client) == 1 && SSL_session_reused(server) == 1 }

    /// The common name of the server's certificate.
    var shownName: String {
        guard let certificate = SSL_get0_peer_certificate(client) else { return "" }
        var text = [CChar](repeating: 0, count: 64)
        let count = X509_NAME_get_text_by_NID(
            X509_get_subject_name(certificate), NID_commonName, &text, CInt(text.count))
        return String(
            decoding: text.prefix(Int(max(0, count))).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The negotiated cipher suite, in OpenSSL's words.
    var cipherName: String {
        SSL_CIPHER_get_name(SSL_get_current_cipher(client)).map { String(cString: $0) } ?? ""
    }
}
