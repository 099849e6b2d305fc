import Crypto
import Primitives

/// Why a text is no key set at all.
public enum KeySetError: Error, Equatable, Sendable {
    /// The text is not the JSON that RFC 8259 describes, or has a duplicate name.
    case malformed(JSONError)
    /// The JSON is not an object with an array `keys` (RFC 7517 §5).
    case keysMissing
    /// More bytes than `JSONWebKeySet.mostBytes`.
    case tooLarge(limitBytes: Int)
    /// More keys than `JSONWebKeySet.mostKeys`.
    case tooManyKeys(limit: Int)
    /// OpenSSL could not be asked about the keys.
    case cryptographyUnavailable
}

/// Why one key of a set is not used; the others are (RFC 7517 §5).
public enum KeySkipReason: Sendable, Equatable {
    /// The array's element is not an object, or a member has the wrong type.
    case malformed
    /// No `kty`, or one that is not RSA, EC or OKP.
    case typeUnknown
    /// A curve that no accepted algorithm uses.
    case curveUnknown
    /// `use` is not `sig`.
    case useOther
    /// `key_ops` does not contain `verify`.
    case operationsOther
    /// `alg` names no accepted algorithm, or one of another kind of key.
    case algorithmUnsuitable
    /// A number of the key is missing or not base64url.
    case numberMalformed
    /// A key id longer than 255 bytes.
    case keyIDTooLong
    /// The key has private numbers: whoever published it has lost it.
    case privateKeyPublished
    /// The numbers make no acceptable key.
    case refused(VerificationKeyError)
}

/// One public key of a set (RFC 7517 §4).
public struct JSONWebKey: Sendable, Equatable {
    /// `kid`, as bytes; empty when it has none.
    public var keyID: [UInt8]
    /// The one algorithm it may be used with; nil for any that fits its kind.
    public var algorithm: SignatureAlgorithm?
    /// Its numbers.
    public var numbers: PublicKeyNumbers

    /// A key of these values.
    public init(keyID: [UInt8], algorithm: SignatureAlgorithm?, numbers: PublicKeyNumbers) {
        self.keyID = keyID
        self.algorithm = algorithm
        self.numbers = numbers
    }

    /// What kind of key it is.
    public var kind: VerificationKeyKind {
        switch numbers {
        case .rsa: .rsa
        case .point(let curve, _, _): curve
        case .ed25519: .ed25519
        }
    }
}

/// An issuer's public keys, read from a JWK set (RFC 7517 §5) and each judged.
public struct JSONWebKeySet: Sendable, Equatable {
    /// Largest accepted text.
    public static let mostBytes = 1 << 20
    /// Most keys in one set.
    public static let mostKeys = 256
    /// Longest key id.
    public static let mostKeyIDBytes = 255

    /// The keys that can be used.
    public private(set) var keys: [JSONWebKey] = []
    /// The places in `keys` of the text whose keys are not used, and why.
    public private(set) var skipped: [(index: Int, why: KeySkipReason)] = []

    /// Whether both have the same keys in use.
    public static func == (left: JSONWebKeySet, right: JSONWebKeySet) -> Bool {
        left.keys == right.keys
    }

    /// A set without keys, under which no token is accepted.
    public init() {}

    /// The set in a JSON text. A key that cannot be used is skipped, and does not void the set.
    public init(json: [UInt8]) throws(KeySetError) {
        guard json.count <= JSONWebKeySet.mostBytes else {
            throw .tooLarge(limitBytes: JSONWebKeySet.mostBytes)
        }
        let library: CryptoLibrary
        do { library = try CryptoLibrary() } catch { throw .cryptographyUnavailable }
        var places: [JSONWebKeyText?]?
        do throws(JSONError) {
            places = try JSONWebKeyText.readSet(json.span)
        } catch {
            throw .malformed(error)
        }
        guard let places else { throw .keysMissing }
        guard places.count <= JSONWebKeySet.mostKeys else {
            throw .tooManyKeys(limit: JSONWebKeySet.mostKeys)
        }
        for (index, text) in places.enumerated() {
            do throws(KeySkip) {
                guard let text else { throw KeySkip(why: .malformed) }
                keys.append(try text.judged(library: library))
            } catch {
                skipped.append((index, error.why))
            }
        }
    }
}

/// A key is left out for this reason.
struct KeySkip: Error {
    var why: KeySkipReason
}
