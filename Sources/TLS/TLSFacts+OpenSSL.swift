import COpenSSL
import Primitives

// Safe: the session is borrowed for the call, and what it lends is read at once.
extension TLSFacts {
    /// Takes over what the established session `ssl` has agreed on.
    ///
    /// - Parameters:
    ///   - ssl: `SSL *`, borrowed.
    ///   - isServer: Whether the peer is a client.
    mutating func take(from ssl: OpaquePointer, isServer: Bool) {
        version = unsafe UInt16(truncatingIfNeeded: SSL_version(ssl))
        if let current = unsafe SSL_get_current_cipher(ssl) {
            cipher = unsafe SSL_CIPHER_get_protocol_id(current)
        }
        isResumed = unsafe SSL_session_reused(ssl) == 1
        group = TLSFacts.group(ofIdentifier: unsafe sallyport_negotiated_group(ssl))
        if !isResumed { signature = unsafe TLSFacts.signature(of: ssl, isServer: isServer) }
        var name: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        negotiatedProtocol = count > 0 ? 1 : 0
    }

    /// IANA's number of a group (RFC 8446 §4.2.7) by OpenSSL's.
    private static func group(ofIdentifier identifier: CInt) -> UInt16 {
        switch identifier {
        case NID_X9_62_prime256v1: 0x0017
        case NID_secp384r1: 0x0018
        case NID_secp521r1: 0x0019
        case NID_X25519: 0x001D
        case NID_X448: 0x001E
        default: 0
        }
    }

    /// IANA's number of the scheme (RFC 8446 §4.2.3) that the server signed with.
    private static func signature(of ssl: OpaquePointer, isServer: Bool) -> UInt16 {
        var kind: CInt = 0
        let isKnown =
            isServer
            ? unsafe SSL_get_signature_type_nid(ssl, &kind)
            : unsafe SSL_get_peer_signature_type_nid(ssl, &kind)
        guard isKnown == 1 else { return 0 }
        let hash = unsafe sallyport_signature_digest(ssl, isServer ? 1 : 0)
        let size: UInt16? =
            switch hash {
            case NID_sha256: 0
            case NID_sha384: 1
            case NID_sha512: 2
            default: nil
            }
        switch kind {
        case NID_ED25519: return 0x0807
        case NID_X9_62_id_ecPublicKey: return size.map { 0x0403 + $0 << 8 } ?? 0
        case NID_rsaEncryption: return size.map { 0x0401 + $0 << 8 } ?? 0
        case NID_rsassaPss: return size.map { 0x0804 + $0 } ?? 0
        default: return 0
        }
    }
}
