import COpenSSL

@testable import TLS

/// What a test's client asks for beyond what our own clients do.
extension MemoryHandshake {
    /// Nothing newer than TLS 1.2.
    func limitToTLS12() {
        SSL_ctrl(client, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    }

    /// Another name, or none.
    func ask(for name: String?) {
        guard let name else {
            SSL_ctrl(client, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, nil)
            return
        }
        _ = sallyport_set_server_name(client, name)
    }

    /// These signature algorithms only, in OpenSSL's words.
    func accept(signatures: String) {
        var text = Array(signatures.utf8CString)
        SSL_ctrl(client, SSL_CTRL_SET_SIGALGS_LIST, 0, &text)
    }

    /// These groups only, in OpenSSL's words.
    func accept(groups: String) {
        var text = Array(groups.utf8CString)
        SSL_ctrl(client, SSL_CTRL_SET_GROUPS_LIST, 0, &text)
    }

    /// These protocols (ALPN), each of which has a name shorter than 128 bytes.
    func offer(protocols: [String]) {
        let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        SSL_set_alpn_protos(client, list, CUnsignedInt(list.count))
    }

    /// The OCSP response of the server's certificate.
    func askForStatus() {
        SSL_ctrl(
            client, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, Int(TLSEXT_STATUSTYPE_ocsp), nil)
    }

    /// The OCSP response that came.
    var status: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = withUnsafeMutablePointer(to: &start) {
            SSL_ctrl(client, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, $0)
        }
        guard count > 0, let start else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// `X509 *` that the server has chosen to show.
    var shownCertificate: OpaquePointer? { SSL_get_certificate(server) }

    /// The protocol (ALPN) that was agreed on.
    var chosenProtocol: String {
        var start: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        SSL_get0_alpn_selected(client, &start, &count)
        return String(
            decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }
}
