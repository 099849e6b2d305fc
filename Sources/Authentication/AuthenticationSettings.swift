import Crypto
import Primitives

/// What kind of token an issuer's tokens must say that they are.
public enum TokenType: UInt8, Sendable, BitwiseCopyable {
    /// `at+jwt`, with the claims that RFC 9068 §2.2 requires: an ID token never passes.
    case accessToken
    /// Also tokens that do not say, or say `JWT`; never one that says it is something else.
    case any
}

/// One issuer whose tokens are accepted, as configured.
public struct Issuer: Sendable, Equatable {
    /// The operator's name for it.
    public var name: String
    /// What `iss` must be, byte for byte (RFC 8725 §3.8).
    public var issuer: String
    /// What `aud` must contain one of (RFC 7519 §4.1.3).
    public var audiences: [String]
    /// Algorithms accepted from it (RFC 8725 §3.1).
    public var algorithms: [SignatureAlgorithm]
    /// What `typ` must say.
    public var tokenType: TokenType
    /// Oldest accepted token by `iat`, whatever its `exp`; nil for no such rule.
    public var maxAgeSeconds: Int64?
    /// How far clocks may be apart.
    public var clockSkewSeconds: Int64 = 30
    /// Member names on the way to the subject.
    public var subjectPath: [String] = ["sub"]
    /// Member names on the way to the roles.
    public var rolesPath: [String] = ["roles"]
    /// The issuer's public keys.
    public var keys: JSONWebKeySet

    /// An issuer of these values.
    public init(
        name: String, issuer: String, audiences: [String], algorithms: [SignatureAlgorithm],
        tokenType: TokenType = .accessToken, maxAgeSeconds: Int64? = nil,
        clockSkewSeconds: Int64 = 30, subjectPath: [String] = ["sub"],
        rolesPath: [String] = ["roles"], keys: JSONWebKeySet
    ) {
        self.name = name
        self.issuer = issuer
        self.audiences = audiences
        self.algorithms = algorithms
        self.tokenType = tokenType
        self.maxAgeSeconds = maxAgeSeconds
        self.clockSkewSeconds = clockSkewSeconds
        self.subjectPath = subjectPath
        self.rolesPath = rolesPath
        self.keys = keys
    }
}

/// Bounds of a token, all checked before any signature is.
public struct TokenLimits: Sendable, Equatable {
    /// Longest token, at most `mostTokenBytes`.
    public var tokenBytes = 8192
    /// Deepest nesting of header and claims.
    public var depth = 8
    /// Most members in header or claims.
    public var members = 256
    /// Longest subject.
    public var subjectBytes = 255
    /// Longest client id, token id and key id, each.
    public var identifierBytes = 255
    /// Most keys that a token without a key id is checked against.
    public var keysTried = 4

    /// Largest value of `tokenBytes`.
    public static let mostTokenBytes = 65536

    /// The default bounds.
    public init() {}
}

/// Everything that decides who is asking, of one settings generation.
public struct AuthenticationSettings: Sendable, Equatable {
    /// The issuers; the place in this list is an issuer's number.
    public var issuers: [Issuer]
    /// The roles that rules name; the place in this list is a role's number in a `RoleSet`.
    public var roleNames: [String]
    /// Bounds of a token.
    public var limits: TokenLimits
    /// Which settings these are part of.
    public var generation: SettingsGeneration
    /// The `realm` of challenges.
    public var realm: String

    /// Settings of these values.
    public init(
        issuers: [Issuer], roleNames: [String], limits: TokenLimits = TokenLimits(),
        generation: SettingsGeneration = SettingsGeneration(number: 1),
        realm: String = "sallyport"
    ) {
        precondition(issuers.count <= IssuerSet.capacity)
        precondition(roleNames.count <= RoleSet.capacity)
        self.issuers = issuers
        self.roleNames = roleNames
        self.limits = limits
        self.generation = generation
        self.realm = realm
    }

    /// Whether both judge every token alike; whichever generation they are of.
    public static func == (left: AuthenticationSettings, right: AuthenticationSettings) -> Bool {
        left.issuers == right.issuers && left.roleNames == right.roleNames
            && left.limits == right.limits && left.realm == right.realm
    }
}
