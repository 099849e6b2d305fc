import Primitives

// The registered names are the RFC's own words, capital letters included (style rule 22).
// swift-format-ignore: AlwaysUseLowerCamelCase
/// The signature algorithms of JSON Web Signatures that are accepted (RFC 7518 §3.1, RFC 8037).
///
/// There is no HMAC among them, so that no public key can serve as a shared secret, and no
/// `none` (RFC 8725 §3.1).
public enum SignatureAlgorithm: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case RS256 = 1
    case RS384, RS512
    case PS256, PS384, PS512
    case ES256, ES384, ES512
    /// Ed25519 only; also registered as `Ed25519` (RFC 9864).
    case EdDSA

    /// The registered name.
    public var name: StaticString {
        switch self {
        case .RS256: "RS256"
        case .RS384: "RS384"
        case .RS512: "RS512"
        case .PS256: "PS256"
        case .PS384: "PS384"
        case .PS512: "PS512"
        case .ES256: "ES256"
        case .ES384: "ES384"
        case .ES512: "ES512"
        case .EdDSA: "EdDSA"
        }
    }

    /// The algorithm of this registered name, letter case included; nil for any other.
    public init?(name: Span<UInt8>) {
        for algorithm in SignatureAlgorithm.allCases where name.equals(algorithm.name) {
            self = algorithm
            return
        }
        guard name.equals("Ed25519") else { return nil }
        self = .EdDSA
    }

    /// The algorithm of this registered name. Not for the request path.
    public init?(name: String) {
        let bytes = Array(name.utf8)
        self.init(name: bytes.span)
    }

    /// The kind of key that the algorithm takes.
    public var keyKind: VerificationKeyKind {
        switch self {
        case .RS256, .RS384, .RS512, .PS256, .PS384, .PS512: .rsa
        case .ES256: .p256
        case .ES384: .p384
        case .ES512: .p521
        case .EdDSA: .ed25519
        }
    }

    /// Whether RSA signatures are padded with PSS (RFC 8017 §8.1).
    var usesPSS: Bool {
        switch self {
        case .PS256, .PS384, .PS512: true
        default: false
        }
    }

    /// OpenSSL's name of the digest; nil when the algorithm digests by itself.
    var digestName: String? {
        switch self {
        case .RS256, .PS256, .ES256: "SHA256"
        case .RS384, .PS384, .ES384: "SHA384"
        case .RS512, .PS512, .ES512: "SHA512"
        case .EdDSA: nil
        }
    }
}

/// The kinds of public keys; a curve is a kind, because each ES algorithm has exactly one.
public enum VerificationKeyKind: UInt8, Sendable, BitwiseCopyable {
    case rsa = 1
    case p256, p384, p521
    case ed25519

    /// Bytes of one coordinate of a point; 0 for RSA.
    public var coordinateBytes: Int {
        switch self {
        case .rsa: 0
        case .p256, .ed25519: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// Whether keys are points of a curve that ECDSA uses.
    var isCurveOfPoints: Bool {
        switch self {
        case .p256, .p384, .p521: true
        case .rsa, .ed25519: false
        }
    }
}
