import Crypto
import Primitives

/// Who is asking, once their token was verified: numbers only.
public struct Principal: Sendable, BitwiseCopyable {
    /// The issuer's number.
    public var issuer: UInt16
    /// What the token was signed with.
    public var algorithm: SignatureAlgorithm
    /// Roles of the token that no rule names, and that therefore decide nothing.
    public var ignoredRoles: UInt16
    /// The roles that rules name.
    public var roles: RoleSet
    /// The token's `exp`, in whole seconds.
    public var expires: Int64
    /// SHA-256 of the token as it was sent: names a token in the log without revealing it.
    public var thumbprint: Digest256

    /// A principal of these values.
    public init(
        issuer: UInt16, algorithm: SignatureAlgorithm, roles: RoleSet, expires: Int64,
        thumbprint: Digest256, ignoredRoles: UInt16 = 0
    ) {
        self.issuer = issuer
        self.algorithm = algorithm
        self.ignoredRoles = ignoredRoles
        self.roles = roles
        self.expires = expires
        self.thumbprint = thumbprint
    }
}

/// The texts that a token says about who is asking.
public enum PrincipalText: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// The configured subject claim, `sub` by default.
    case subject
    /// `client_id`, or `azp` where that is missing; may be empty.
    case clientID
    /// `jti`; may be empty.
    case tokenID
    /// `kid` of the header; may be empty.
    case keyID
}

/// What became of a credential.
public enum AuthenticationResult: Sendable, Equatable, BitwiseCopyable {
    /// It was good; `slot` leads to the principal until the next call of `authenticate`.
    case authenticated(slot: Int, isCacheHit: Bool)
    /// It was not.
    case refused(Reason)
}
