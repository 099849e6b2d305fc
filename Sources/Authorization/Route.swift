import Authentication
import Primitives

/// Whom a route lets in.
public enum RouteAuthentication: Sendable, Equatable {
    /// Everybody; no credential is looked at.
    case none
    /// Holders of a token of one of these issuers, or, without a token, of a client certificate
    /// that the listener verified, if the route accepts one.
    case required(IssuerSet, acceptsCertificate: Bool)
}

/// One way to be allowed on a route: everything that it demands must be there.
///
/// A rule that demands nothing lets nobody in.
public struct AllowRule: Sendable, Equatable, BitwiseCopyable {
    /// Any one of these roles is enough; none: the rule demands no role.
    public var roles: RoleSet
    /// The client's certificate must match any one of these patterns, whatever else established
    /// who is asking; none: the rule demands no certificate.
    public var certificates: CertificateSet

    /// The rule that any one of `roles` and any one of `certificates` is enough.
    public init(roles: RoleSet, certificates: CertificateSet = CertificateSet()) {
        self.roles = roles
        self.certificates = certificates
    }
}

/// What a route does with a request that may pass.
public enum RouteAction: Sendable, Equatable {
    /// Forwards it to the upstream of this number.
    case upstream(Int)
    /// Answers it.
    case respond(status: UInt16, body: [UInt8], contentType: String)
}

/// A piece of a field value that a route sets.
public enum HeaderPiece: Sendable, Equatable {
    /// These bytes.
    case literal([UInt8])
    /// What the request's own facts say.
    case variable(HeaderVariable)
}

/// The facts that a route may put into a field.
public enum HeaderVariable: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Who is asking: the token's subject, or the certificate's name when that alone let them in.
    case subject = 1
    /// The token's `client_id`.
    case clientID
    /// The issuer's name in the settings file.
    case issuer
    /// The request's id.
    case requestID
    /// The route's name.
    case route
    /// SHA-256 of the client's certificate, 64 hexadecimal digits.
    case certificateDigest
    /// The name of the client's certificate; see `ClientCertificateIdentity`.
    case certificateName
}

/// One request field that a route sets, whatever the client sent under that name.
public struct HeaderSetting: Sendable, Equatable {
    /// The field's name.
    public var name: String
    /// The value's pieces, written one after the other.
    public var pieces: [HeaderPiece]

    /// The field `name` with a value of `pieces`.
    public init(name: String, pieces: [HeaderPiece]) {
        self.name = name
        self.pieces = pieces
    }
}

/// What a route changes in the request's fields before it is forwarded.
public struct HeaderRules: Sendable, Equatable {
    /// Fields to set.
    public var set: [HeaderSetting] = []
    /// Names of fields to remove.
    public var remove: [String] = []

    /// No change.
    public init() {}
}

/// One line of the routing table: what it matches, whom it lets in, and what it does.
public struct Route: Sendable, Equatable {
    /// Its name in the settings file and in the log.
    public var name: String
    /// The hosts it answers for; nil for any.
    public var host: HostPattern?
    /// The paths it answers for.
    public var path: PathPattern
    /// The methods it answers to.
    public var methods = MethodSet.any
    /// Whom it lets in.
    public var authentication: RouteAuthentication
    /// Ways to be allowed, the first that holds decides; none: whoever is authenticated.
    public var rules: [AllowRule] = []
    /// Numbers of the rate limits, all of which must allow.
    public var limits: [Int] = []
    /// What it does with a request that may pass.
    public var action: RouteAction
    /// What it changes in the request's fields.
    public var requestHeaders = HeaderRules()
    /// `AuditRecords.AuditLevel.rawValue`; the default is metadata.
    public var auditLevel: UInt8 = 1
    /// `AuditRecords.AuditMode.rawValue`; the default is bounded.
    public var auditMode: UInt8 = 1

    /// The route `name` for `path`, with every default.
    public init(
        name: String, path: PathPattern, authentication: RouteAuthentication, action: RouteAction
    ) {
        self.name = name
        self.path = path
        self.authentication = authentication
        self.action = action
    }

    /// Whether no request that `later` matches gets past this route.
    public func shadows(_ later: Route) -> Bool {
        guard methods.covers(later.methods), path.covers(later.path) else { return false }
        guard let host else { return true }
        guard let other = later.host else { return false }
        return host.covers(other)
    }
}
