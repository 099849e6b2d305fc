import COpenSSL
import Crypto
import LinuxIO
import Primitives

/// What OpenSSL asks a server's context during a handshake.
// Safe: OpenSSL calls these inside a call for a session, and a session holds its context object;
// what it lends is used for the length of the callback.
extension TLSServerContext {
    /// Makes `context`, one of this object's, ask this object.
    func install(in context: OpaquePointer, hasAnswers: Bool) {
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        // Index 0 is the one that OpenSSL leaves to the application.
        _ = unsafe SSL_CTX_set_ex_data(context, 0, own)
        unsafe SSL_CTX_set_client_hello_cb(
            context,
            { session, alert, own in
                guard let session = unsafe session, let own = unsafe own else { return 0 }
                let isAccepted = unsafe TLSServerContext.at(own).choose(for: session)
                if !isAccepted { unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME }
                return isAccepted ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR
            }, own)
        unsafe SSL_CTX_set_msg_callback(context) { isSent, _, type, bytes, count, session, _ in
            guard let session = unsafe session,
                let own = unsafe TLSServerContext.of(session)
            else { return }
            let library = own.library
            let isHello = library.hello.fingerprint.write {
                unsafe ClientHelloFingerprint.write(
                    isSent: isSent, contentType: type, bytes, count,
                    digests: &library.hashing.digests,
                    into: &$0)
            }
            if isHello {
                library.hello.hasHello = true
                // No later message is of interest.
                unsafe SSL_set_msg_callback(session, nil)
            }
        }
        unsafe SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenBytes, offered, offeredBytes, _ in
                guard let offered = unsafe offered,
                    let place = unsafe TLSServerContext.http11(
                        in: Span(_unsafeStart: offered, count: Int(offeredBytes)))
                else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                unsafe chosen?.pointee = unsafe offered + place.lowerBound
                unsafe chosenBytes?.pointee = UInt8(place.count)
                return SSL_TLSEXT_ERR_OK
            }, nil)
        if hasAnswers {
            unsafe sallyport_set_status_callback(
                context,
                { session, _ in
                    guard let session = unsafe session,
                        let own = unsafe TLSServerContext.of(session)
                    else { return SSL_TLSEXT_ERR_NOACK }
                    return unsafe own.staple(to: session)
                }, nil)
        }
        _ = unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context) {
            session, name, vector, cipher, code, isSealing in
            guard let session = unsafe session, let name = unsafe name,
                let vector = unsafe vector, let own = unsafe TLSServerContext.of(session)
            else { return -1 }
            return unsafe own.library.prepareTicket(
                name, vector, cipher, code, isSealing: isSealing == 1)
        }
        _ = unsafe SSL_CTX_set_session_ticket_cb(
            context, nil,
            { connection, session, _, _, status, _ in
                guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
                    return SSL_TICKET_RETURN_IGNORE_RENEW
                }
                // A certificate that has run out since makes its holder a stranger again.
                let certificate = unsafe SSL_SESSION_get0_peer(session)
                if let certificate = unsafe certificate,
                    unsafe X509_cmp_time(X509_get0_notAfter(certificate), nil) <= 0
                {
                    return SSL_TICKET_RETURN_IGNORE_RENEW
                }
                // A ticket of TLS 1.3 is for one use (RFC 8446 §C.4), so that another follows.
                return unsafe status == SSL_TICKET_SUCCESS
                    && SSL_version(connection) < TLS1_3_VERSION
                    ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
            }, nil)
    }

    private static func at(_ own: UnsafeMutableRawPointer) -> TLSServerContext {
        unsafe Unmanaged<TLSServerContext>.fromOpaque(own).takeUnretainedValue()
    }

    private static func of(_ session: OpaquePointer) -> TLSServerContext? {
        guard let own = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), 0) else {
            return nil
        }
        return unsafe at(own)
    }

    /// Gives `session`, an `SSL *`, the certificates for the name that its client asks for.
    ///
    /// - Returns: Whether it is served at all.
    private func choose(for session: OpaquePointer) -> Bool {
        var start: UnsafePointer<UInt8>?
        var count = 0
        var place: Int?
        let type = CUnsignedInt(TLSEXT_TYPE_server_name)
        if unsafe SSL_client_hello_get0_ext(session, type, &start, &count) == 1,
            let start = unsafe start
        {
            let name = unsafe ClientHello.serverName(
                inExtension: Span(_unsafeStart: start, count: count))
            library.hello.take(serverName: name)
            place = names.find(name)
        } else {
            library.hello.take(serverName: Span())
        }
        guard let place else {
            guard unknownServerName == .refuse else { return true }
            library.hello.isNameRefused = true
            return false
        }
        guard place > 0 else { return true }
        return unsafe SSL_set_SSL_CTX(session, contexts[place].pointer) != nil
    }

    /// Where `http/1.1` lies in a list of protocols, each after its length (RFC 7301 §3.1).
    static func http11(in offered: Span<UInt8>) -> Range<Int>? {
        let wanted: StaticString = "http/1.1"
        var offset = 0
        while offset < offered.count {
            let count = Int(offered[offset])
            let start = offset + 1
            offset = start + count
            guard offset <= offered.count else { return nil }
            if count == wanted.utf8CodeUnitCount, offered.extracting(start..<offset).equals(wanted)
            {
                return start..<offset
            }
        }
        return nil
    }

    /// Hands `session` the OCSP response of the certificate that it shows.
    private func staple(to session: OpaquePointer) -> CInt {
        let certificate = unsafe SSL_get_certificate(session)
        guard let answer = unsafe answer(for: certificate, now: SystemClock.wall()),
            let copy = unsafe sallyport_allocate(answer.bytes.count)
        else { return SSL_TLSEXT_ERR_NOACK }
        // The session frees the copy.
        unsafe answer.bytes.withUnsafeBytes { bytes in
            unsafe copy.copyMemory(
                from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
        }
        unsafe SSL_ctrl(
            session, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, answer.bytes.count, copy)
        return SSL_TLSEXT_ERR_OK
    }
}

extension TLSLibrary {
    /// Prepares both contexts of a ticket with the key that seals it, or that it names.
    ///
    /// - Returns: What OpenSSL expects: 0 for an unknown key, which makes the handshake a full one;
    ///   2 for one that is not the current one any more; negative for an error.
    func prepareTicket(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>,
        _ cipher: OpaquePointer?, _ code: OpaquePointer?, isSealing: Bool
    ) -> CInt {
        let keys = ticketKeys
        let secret = keys.secret
        let bytes = secret.bytes
        var place = 0
        if isSealing {
            for (index, offset) in TicketKeys.name(0).enumerated() {
                unsafe name[index] = bytes[offset]
            }
            let size = unsafe Int(EVP_CIPHER_get_iv_length(ticketCipher))
            guard unsafe RAND_bytes_ex(context, vector, size, 0) == 1 else { return -1 }
        } else {
            let wanted = unsafe Span(_unsafeStart: name, count: TicketKeys.nameBytes)
            guard let found = keys.find(wanted) else { return 0 }
            place = found
        }
        // Safe: both contexts are live and the keys outlive the calls.
        let isReady = unsafe bytes.withUnsafeBufferPointer { all in
            guard let start = all.baseAddress else { return false }
            let cipherKey = unsafe start + TicketKeys.cipherKey(place).lowerBound
            let macKey = unsafe start + TicketKeys.macKey(place).lowerBound
            let isKeyed =
                isSealing
                ? unsafe EVP_EncryptInit_ex2(cipher, ticketCipher, cipherKey, vector, nil)
                : unsafe EVP_DecryptInit_ex2(cipher, ticketCipher, cipherKey, vector, nil)
            return unsafe isKeyed == 1
                && sallyport_start_ticket_mac(code, macKey, TicketKeys.keyBytes) == 1
        }
        guard isReady else { return -1 }
        return place == 0 ? 1 : 2
    }
}
