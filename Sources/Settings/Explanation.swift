import AuditRecords
import Authentication
import Authorization
import Crypto
import HTTP
import Primitives
import RateLimiting
import Upstream

/// The request that an operator asks about.
public struct ExplainedRequest: Sendable {
    /// The method, letter case included.
    public var method: String
    /// The request target: a path, perhaps with a query.
    public var path: String
    /// The host; a name of no special meaning when none is given.
    public var host: String
    /// The bearer token; nil for a request without one.
    public var token: String?

    /// A request of these values.
    public init(method: String, path: String, host: String = "localhost", token: String? = nil) {
        self.method = method
        self.path = path
        self.host = host
        self.token = token
    }
}

/// What would happen to a request, and why: the same code decides as in the proxy.
public struct Explanation: Sendable, Equatable {
    /// A route that was looked at.
    public struct Tried: Sendable, Equatable {
        /// The route's name.
        public var route: String
        /// Why it does not match; nil for the one that does.
        public var mismatch: RouteMismatch?
    }

    /// Who is asking.
    public struct Identity: Sendable, Equatable {
        /// The issuer's name.
        public var issuer: String
        /// The token's subject.
        public var subject: String
        /// The token's client id; may be empty.
        public var clientID: String
        /// The roles of the token that rules name.
        public var roles: [String]
        /// How many roles of the token no rule names.
        public var ignoredRoles: Int
        /// The token's `exp`, in seconds since 1970.
        public var expires: Int64
    }

    /// A rate limit that would count the request.
    public struct Limit: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// What it says, such as `100/s, burst 200, per subject`.
        public var text: String
    }

    /// Whether the request would pass, limits aside.
    public var isAllowed = false
    /// Why it would not; `none` when it would.
    public var reason = Reason.none
    /// The status that a refusal has, or that the route itself answers with; 0 when forwarded.
    public var status: UInt16 = 0
    /// The path in normal form; nil when the request itself is refused.
    public var path: String?
    /// Routes in the order they were looked at.
    public var tried: [Tried] = []
    /// The route that matches; nil when none does.
    public var route: String?
    /// Names of the issuers that the route accepts; empty when it accepts everybody.
    public var accepted: [String] = []
    /// Who is asking; nil when nobody is known.
    public var identity: Identity?
    /// Which of the route's rules decided, counted from 1; nil when none did.
    public var rule: Int?
    /// The role that fulfilled the rule.
    public var role: String?
    /// The roles of each of the route's rules.
    public var rules: [[String]] = []
    /// The certificates of each of the route's rules, of which any one will do.
    public var certificates: [[String]] = []
    /// The limits that would count the request.
    public var limits: [Limit] = []
    /// The upstream's name; nil when the route answers by itself.
    public var upstream: String?
    /// The upstream's endpoints.
    public var endpoints: [String] = []
    /// What the log promises about requests of the route, as settings say it; nil when no route
    /// matches.
    public var auditMode: String?
}

extension Explanation {
    /// What would happen to `request` under `settings` at the time `now`.
    public init(_ request: ExplainedRequest, settings: Settings, now: WallTime) throws(CryptoError)
    {
        var head = RequestHead(limits: settings.connections.http)
        let bytes = Explanation.message(request)
        var scanned = 0
        do throws(HTTPError) {
            guard try head.parse(bytes.span, scanned: &scanned) != nil else {
                self.refuse(.requestLineMalformed, status: 400)
                return
            }
        } catch {
            refuse(error.reason, status: error.status)
            return
        }
        path = head.path(in: bytes.span).text()
        guard let index = match(head, bytes.span, settings) else { return }
        let route = settings.policy.routes[index]
        self.route = route.name
        let row = RouteTable(settings).rows[index]
        auditMode = AuditMode(rawValue: route.auditMode)?.word
        accepted = row.issuers
        rules = row.rules
        certificates = row.certificates
        limits = route.limits.map {
            Limit(name: settings.rateLimits[$0].name, text: settings.rateLimits[$0].text)
        }
        switch route.action {
        case .upstream(let number):
            upstream = settings.upstreams[number].name
            endpoints = settings.recordNames.endpoints[number]
        case .respond(let answer, _, _):
            status = answer
        }
        guard case .required(let issuers, _) = route.authentication else {
            isAllowed = true
            return
        }
        try judge(request, issuers: issuers, route: index, settings: settings, now: now)
    }

    private mutating func refuse(_ reason: Reason, status: UInt16) {
        isAllowed = false
        self.reason = reason
        self.status = status
    }

    /// The request as a client would send it, so that the proxy's own parser judges it.
    private static func message(_ request: ExplainedRequest) -> [UInt8] {
        var text = "\(request.method) \(request.path) HTTP/1.1\r\nHost: \(request.host)\r\n"
        if let token = request.token { text += "Authorization: Bearer \(token)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// Looks at the routes; nil when none matches, which is a refusal.
    private mutating func match(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ settings: Settings
    ) -> Int? {
        let host = bytes.extracting(head.authority)
        let path = head.path(in: bytes)
        let method = bytes.extracting(head.methodText)
        for route in settings.policy.routes {
            let mismatch = route.mismatch(
                host: host, path: path, method: head.method, methodText: method)
            tried.append(Tried(route: route.name, mismatch: mismatch))
            if mismatch == nil { break }
        }
        switch settings.policy.match(
            host: host, path: path, method: head.method, methodText: method)
        {
        case .route(let index):
            return index
        case .noRoute:
            refuse(.policyNoRoute, status: 404)
        case .methodRefused:
            refuse(.policyMethodRefused, status: 405)
        }
        return nil
    }

    private mutating func judge(
        _ request: ExplainedRequest, issuers: IssuerSet, route: Int, settings: Settings,
        now: WallTime
    ) throws(CryptoError) {
        guard !issuers.isEmpty else {
            refuse(.policyCertificateMissing, status: 403)
            return
        }
        guard let token = request.token else {
            refuse(.tokenMissing, status: BearerChallenge.status(for: .tokenMissing))
            return
        }
        // RFC 6750 §2: a client must not use more than one method to send the token.
        let query = request.path.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        guard !query.split(separator: "&").contains(where: { $0.hasPrefix("access_token=") })
        else {
            let reason = Reason.tokenDuplicateCredentials
            refuse(reason, status: BearerChallenge.status(for: reason))
            return
        }
        let library = try CryptoLibrary()
        var authenticator = try Authenticator(
            settings.authentication, cacheSlots: 16, library: library)
        let field = Array("Bearer \(token)".utf8)
        switch authenticator.authenticate(field.span, accepting: issuers, now: now) {
        case .refused(let reason):
            refuse(reason, status: BearerChallenge.status(for: reason))
        case .authenticated(let slot, _):
            let principal = authenticator.principal(slot)
            identity = Identity(
                issuer: settings.authentication.issuers[Int(principal.issuer)].name,
                subject: authenticator.text(slot, .subject).text(),
                clientID: authenticator.text(slot, .clientID).text(),
                roles: settings.policy.names(of: principal.roles),
                ignoredRoles: Int(principal.ignoredRoles), expires: principal.expires)
            let decision = settings.policy.authorise(route: route, roles: principal.roles)
            guard decision.isAllowed else {
                // Nobody can show a certificate here, so it is missing, not another one.
                let reason =
                    decision.reason == .policyCertificateRefused
                    ? .policyCertificateMissing : decision.reason
                refuse(reason, status: BearerChallenge.status(for: reason))
                return
            }
            isAllowed = true
            if decision.rule != Decision.noIndex { rule = Int(decision.rule) + 1 }
            if decision.role != Decision.noIndex {
                role = settings.policy.roleNames[Int(decision.role)]
            }
        }
    }
}

extension CompiledPolicy {
    /// Names of `roles`.
    func names(of roles: RoleSet) -> [String] {
        roleNames.indices.filter { number in
            var one = RoleSet()
            one.insert(number)
            return roles.firstCommon(with: one) != nil
        }.map { roleNames[$0] }
    }
}

extension Explanation {
    /// The explanation for people, one line each.
    public var lines: [String] {
        var lines: [String] = []
        if let path {
            lines.append("path       \(path)")
        } else {
            lines.append("head       refused before any route is looked at")
        }
        for (index, tried) in tried.enumerated() {
            let title = index == 0 ? "routes     " : "           "
            lines.append("\(title)\(tried.route): \(Explanation.text(tried.mismatch))")
        }
        if route != nil { lines += judgement }
        lines.append("answer     \(answer)")
        return lines
    }

    private static func text(_ mismatch: RouteMismatch?) -> String {
        switch mismatch {
        case .host: "no, another host"
        case .path: "no, another path"
        case .method: "no, another method"
        case nil: "matches"
        }
    }

    private var judgement: [String] {
        var lines: [String] = []
        if accepted.isEmpty {
            lines.append("auth       none: everybody may pass")
        } else {
            let issuers = accepted.filter { $0 != AccessReader.certificateName }
            var ways = issuers.isEmpty ? [] : ["a token of \(issuers.joined(separator: " or "))"]
            if issuers.count < accepted.count { ways.append("a client certificate") }
            lines.append("auth       \(ways.joined(separator: ", or "))")
        }
        if let identity {
            let client = identity.clientID.isEmpty ? "" : ", client \(identity.clientID)"
            lines.append(
                "identity   subject \(identity.subject) of \(identity.issuer)\(client), "
                    + "expires at \(identity.expires)")
            let known = identity.roles.isEmpty ? "none" : identity.roles.joined(separator: ", ")
            let ignored =
                identity.ignoredRoles == 0
                ? "" : ", and \(identity.ignoredRoles) that no rule names"
            lines.append("roles      \(known)\(ignored)")
        }
        for (index, roles) in rules.enumerated() {
            let isIt = rule == index + 1
            let title = index == 0 ? "rules      " : "           "
            var demands = roles.isEmpty ? [] : ["any of \(roles.joined(separator: ", "))"]
            let certificates = certificates[index]
            if !certificates.isEmpty {
                demands.append("a certificate with \(certificates.joined(separator: " or "))")
            }
            let what = demands.joined(separator: ", and ")
            let verdict = isIt ? ": decided, by the role \(role ?? "")" : ""
            lines.append("\(title)\(index + 1). \(what)\(verdict)")
        }
        if accepted.contains(AccessReader.certificateName)
            || certificates.contains(where: { !$0.isEmpty })
        {
            lines.append("client     without a certificate: only a connection can show one")
        }
        for (index, limit) in limits.enumerated() {
            let title = index == 0 ? "limits     " : "           "
            lines.append("\(title)\(limit.name): \(limit.text)")
        }
        if let auditMode { lines.append("audit      \(auditMode)") }
        return lines
    }

    private var answer: String {
        guard isAllowed else { return "refused with \(status), \(reason.code)" }
        if let upstream {
            let list = endpoints.joined(separator: ", ")
            let limited = limits.isEmpty ? "" : " while the limits allow"
            return "forwarded to \(upstream) (\(list))\(limited)"
        }
        return "\(status), by the route itself"
    }
}
