/// IANA's names for the numbers that a TLS handshake settles.
///
/// Only those that Sallyport's contexts agree on: a record has any other as `0xNNNN`. The place
/// of a name is its index in the list; 0 is none.
enum TLSNames {
    static let protocols: [StaticString] = ["", "http/1.1"]

    static let ciphers: [StaticString] = [
        "", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ]

    @inline(__always)
    static func placeOfCipher(_ code: UInt16) -> Int? {
        switch code {
        case 0: 0
        case 0x1301: 1
        case 0x1302: 2
        case 0x1303: 3
        case 0xC02B: 4
        case 0xC02F: 5
        case 0xC02C: 6
        case 0xC030: 7
        case 0xCCA9: 8
        case 0xCCA8: 9
        default: nil
        }
    }

    static let groups: [StaticString] = ["", "secp256r1", "x25519", "secp384r1"]

    @inline(__always)
    static func placeOfGroup(_ code: UInt16) -> Int? {
        switch code {
        case 0: 0
        case 23: 1
        case 29: 2
        case 24: 3
        default: nil
        }
    }

    static let signatures: [StaticString] = [
        "", "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
        "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512",
        "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512", "ed25519", "ed448",
        "rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512",
    ]

    @inline(__always)
    static func placeOfSignature(_ code: UInt16) -> Int? {
        switch code {
        case 0: 0
        case 0x0401: 1
        case 0x0501: 2
        case 0x0601: 3
        case 0x0403: 4
        case 0x0503: 5
        case 0x0603: 6
        // RFC 8446 §4.2.3 numbers the rest without a gap.
        case 0x0804...0x080B: Int(code) - 0x0804 + 7
        default: nil
        }
    }

    static let versions: [StaticString] = ["", "1.2", "1.3"]

    @inline(__always)
    static func placeOfVersion(_ code: UInt16) -> Int? {
        switch code {
        case 0: 0
        case 0x0303: 1
        case 0x0304: 2
        default: nil
        }
    }

    /// The name of an alert (RFC 8446 §6); nil for one that is not in use.
    static func alert(_ code: UInt8) -> StaticString? {
        switch code {
        case 10: "unexpected_message"
        case 20: "bad_record_mac"
        case 22: "record_overflow"
        case 40: "handshake_failure"
        case 42: "bad_certificate"
        case 43: "unsupported_certificate"
        case 44: "certificate_revoked"
        case 45: "certificate_expired"
        case 46: "certificate_unknown"
        case 47: "illegal_parameter"
        case 48: "unknown_ca"
        case 49: "access_denied"
        case 50: "decode_error"
        case 51: "decrypt_error"
        case 70: "protocol_version"
        case 71: "insufficient_security"
        case 80: "internal_error"
        case 86: "inappropriate_fallback"
        case 90: "user_canceled"
        case 100: "no_renegotiation"
        case 109: "missing_extension"
        case 110: "unsupported_extension"
        case 112: "unrecognized_name"
        case 113: "bad_certificate_status_response"
        case 115: "unknown_psk_identity"
        case 116: "certificate_required"
        case 120: "no_application_protocol"
        default: nil
        }
    }
}
