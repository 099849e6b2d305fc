import COpenSSL
import Primitives

/// Why a handshake failed, or TLS broke later.
public struct TLSFailure: Error, Equatable, BitwiseCopyable, Sendable {
    /// `tls.*` of a client; `upstream.*` of a server.
    public var reason: Reason
    /// The alert that was sent or received (RFC 8446 §6); 0 for none.
    public var alert: UInt8

    /// A failure of these parts.
    public init(reason: Reason, alert: UInt8 = 0) {
        self.reason = reason
        self.alert = alert
    }
}

extension TLSFailure {
    /// OpenSSL's reason codes of received alerts begin here.
    private static let alertOffset: CInt = 1000

    /// The failure that OpenSSL's error queue tells of; the queue is emptied.
    ///
    /// - Parameters:
    ///   - verification: `SSL_get_verify_result`.
    ///   - isServer: Whether the peer is a client.
    static func taken(verification: Int, isServer: Bool) -> TLSFailure {
        let code = firstCode()
        let alert =
            code > alertOffset && code < alertOffset + 256 ? UInt8(code - alertOffset) : 0
        guard isServer else {
            let isRefused = code == SSL_R_CERTIFICATE_VERIFY_FAILED
            return TLSFailure(
                reason: isRefused ? .upstreamCertificateRefused : .upstreamTLSFailed, alert: alert)
        }
        if alert != 0 { return TLSFailure(reason: .tlsAlertReceived, alert: alert) }
        if code == SSL_R_CERTIFICATE_VERIFY_FAILED {
            return TLSFailure(
                reason: reason(ofVerification: CInt(truncatingIfNeeded: verification)))
        }
        return TLSFailure(reason: reason(ofCode: code))
    }

    /// The first reason code of the TLS layer itself in the queue, which is emptied; 0 without one.
    private static func firstCode() -> CInt {
        var code: CInt = 0
        while true {
            let error = ERR_get_error()
            if error == 0 { return code }
            // Eight bits of library above 23 of reason (ERR_GET_LIB, ERR_GET_REASON).
            let isOurs = error >> 23 & 0xFF == UInt(ERR_LIB_SSL)
            if isOurs, code == 0 { code = CInt(truncatingIfNeeded: error & 0x7F_FFFF) }
        }
    }

    private static func reason(ofCode code: CInt) -> Reason {
        switch code {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: .tlsPlainHTTP
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH,
            SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_INAPPROPRIATE_FALLBACK:
            .tlsVersionUnsupported
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_CIPHERS_SPECIFIED, SSL_R_NO_CIPHER_MATCH,
            SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
            .tlsNoSharedCipher
        case SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_GROUPS:
            .tlsNoSharedGroup
        case SSL_R_NO_APPLICATION_PROTOCOL: .tlsNoSharedProtocol
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .tlsCertificateMissing
        default: .tlsMalformed
        }
    }

    private static func reason(ofVerification result: CInt) -> Reason {
        switch result {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: .tlsCertificateExpired
        case X509_V_ERR_CERT_REVOKED, X509_V_ERR_UNABLE_TO_GET_CRL,
            X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_CRL_HAS_EXPIRED,
            X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_SIGNATURE_FAILURE,
            X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
            X509_V_ERR_DIFFERENT_CRL_SCOPE, X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
            .tlsCertificateRevoked
        case X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_CERT_CHAIN_TOO_LONG,
            X509_V_ERR_PATH_LENGTH_EXCEEDED, X509_V_ERR_EE_KEY_TOO_SMALL,
            X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
            .tlsCertificateUnsuitable
        default: .tlsCertificateUntrusted
        }
    }
}

/// What a step of a handshake gave.
public enum TLSProgress: Equatable, Sendable, BitwiseCopyable {
    /// It is done.
    case established
    /// The peer's turn; a readable edge goes on.
    case wantsRead
    /// The kernel's turn; a writable edge goes on.
    case wantsWrite
    /// It failed; the peer has been told.
    case failed(TLSFailure)
}

/// What a read gave.
public enum TLSReading: Equatable, Sendable, BitwiseCopyable {
    /// This many clear bytes; at least one.
    case transferred(Int)
    /// None now.
    case nothing
    /// The peer has said that it sends no more (`close_notify`).
    case endOfStream
    /// The peer's TCP ended without that word.
    case truncated
    /// TLS broke.
    case failed(TLSFailure)
}

/// What a write gave.
public enum TLSWriting: Equatable, Sendable, BitwiseCopyable {
    /// This many clear bytes were taken; at least one.
    case transferred(Int)
    /// None are taken until the socket is writable.
    case blocked
    /// TLS or the connection broke.
    case failed(TLSFailure)
}

/// What a flush gave.
public enum TLSFlushing: Equatable, Sendable, BitwiseCopyable {
    /// The kernel has everything.
    case done
    /// It takes no more now.
    case blocked
    /// The connection broke.
    case failed
}
