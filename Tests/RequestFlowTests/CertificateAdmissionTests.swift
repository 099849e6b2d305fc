import AuditRecords
import Authentication
import Authorization
import Primitives
import RateLimiting
import RequestFlow
import Testing

/// What a request brings along to say who sent it.
enum Sent: CaseIterable {
    case nothing, badToken, goodToken, adminToken, boundToken, otherBoundToken
}

/// What the client showed in the handshake.
enum Shown: CaseIterable {
    /// The connection is not TLS.
    case plain
    case nothing
    /// A certificate that matches pattern 0.
    case right
    /// A certificate that matches no pattern.
    case wrong
    /// A certificate without a name that could stand for its holder.
    case nameless
}

@Suite struct CertificateAdmissionTests {
    static let digest = Digest256(words: (1, 2, 3, 4))
    static let name = "spiffe://x/a"

    private static func route(
        issuers: Bool, certificate: Bool, _ change: (inout Route) -> Void = { _ in }
    ) throws -> Route {
        var route = Route(
            name: "r", path: try PathPattern("/**"),
            authentication: .required(
                IssuerSet(bits: issuers ? 1 : 0), acceptsCertificate: certificate),
            action: .upstream(0))
        change(&route)
        return route
    }

    private static func admin() -> RoleSet {
        var roles = RoleSet()
        roles.insert(0)
        return roles
    }

    private static func show(_ shown: Shown, _ bench: inout FlowBench) {
        bench.certificateName = ""
        switch shown {
        case .plain: bench.transport = TransportFacts()
        case .nothing: bench.transport = .secure
        case .right, .wrong, .nameless:
            bench.transport = TransportFacts(
                certificate: digest, matches: CertificateSet(bits: shown == .wrong ? 0 : 1))
            if shown != .nameless { bench.certificateName = name }
        }
    }

    private static func request(_ sent: Sent, _ issuer: borrowing FlowIssuer) throws -> String {
        let token: String
        switch sent {
        case .nothing: return "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        case .badToken: token = "x.y.z"
        case .goodToken: token = try issuer.token()
        case .adminToken: token = try issuer.token(roles: ["admin"])
        case .boundToken: token = try issuer.token(bound: digest)
        case .otherBoundToken: token = try issuer.token(bound: .zero)
        }
        return "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
    }

    /// Judges twice: a token that is remembered is judged as it was.
    private static func judge(
        _ route: Route, _ sent: Sent, _ shown: Shown
    ) throws -> (reason: Reason, status: UInt16, subject: String?, scheme: CredentialScheme) {
        let issuer = try FlowIssuer()
        var bench = try FlowBench.make(
            routes: [route], issuers: [issuer.issuer],
            certificates: [CertificatePattern(.uri, name)])
        show(shown, &bench)
        let text = try request(sent, issuer)
        let first = try bench.judge(text)
        let again = try bench.judge(text)
        #expect(first.verdict == again.verdict)
        let answer = bench.answer(again)
        let isUnauthorised = answer.hasPrefix("HTTP/1.1 401 ")
        #expect(isUnauthorised == answer.contains("WWW-Authenticate: Bearer") || !isUnauthorised)
        var status: UInt16 = 0
        if case .refuse(let code, _) = again.verdict { status = code }
        #expect((bench.facts.outcome == .allow) == (status == 0))
        return (bench.facts.reason, status, bench.recorded(.subject), bench.facts.scheme)
    }

    /// A route for tokens: no certificate ever stands in for one.
    @Test(arguments: Sent.allCases, Shown.allCases)
    func `a route that accepts no certificate is never entered by one alone`(
        sent: Sent, shown: Shown
    ) throws {
        let route = try Self.route(issuers: true, certificate: false)
        let result = try Self.judge(route, sent, shown)
        let isShown = shown == .right || shown == .wrong || shown == .nameless
        let expected: Reason =
            switch sent {
            case .nothing: .tokenMissing
            case .badToken: .tokenMalformed
            case .goodToken, .adminToken: .none
            case .boundToken: isShown ? .none : .tokenBindingMismatch
            case .otherBoundToken: .tokenBindingMismatch
            }
        #expect(result.reason == expected)
        #expect(result.status == (expected == .none ? 0 : 401))
        #expect(result.scheme == (expected == .none ? .bearer : .none))
        #expect(result.subject == (expected == .none ? "alice" : nil))
    }

    /// A route that accepts both: what was sent decides, and only without it what was shown.
    @Test(arguments: Sent.allCases, Shown.allCases)
    func `a token that was sent decides alone, also beside a good certificate`(
        sent: Sent, shown: Shown
    ) throws {
        let route = try Self.route(issuers: true, certificate: true)
        let result = try Self.judge(route, sent, shown)
        guard sent == .nothing else {
            let tokensOnly = try Self.judge(
                Self.route(issuers: true, certificate: false), sent, shown)
            #expect(result == tokensOnly)
            return
        }
        switch shown {
        case .plain, .nothing:
            #expect(result == (.tokenMissing, 401, nil, .none))
        case .right, .wrong:
            #expect(result == (.none, 0, Self.name, .certificate))
        case .nameless:
            #expect(result == (.policyCertificateRefused, 403, nil, .none))
        }
    }

    /// A route for certificates alone: no token is looked at.
    @Test(arguments: Sent.allCases, Shown.allCases)
    func `a route for certificates alone looks at no token`(sent: Sent, shown: Shown) throws {
        let result = try Self.judge(Self.route(issuers: false, certificate: true), sent, shown)
        switch shown {
        case .plain, .nothing:
            #expect(result == (.policyCertificateMissing, 403, nil, .none))
        case .right, .wrong:
            #expect(result == (.none, 0, Self.name, .certificate))
        case .nameless:
            #expect(result == (.policyCertificateRefused, 403, nil, .none))
        }
    }

    /// A rule demands a certificate that matches pattern 0, whoever is asking.
    @Test(arguments: [true, false], Shown.allCases)
    func `a rule's certificate is demanded of token holders, too, and refusals say who it was`(
        isByToken: Bool, shown: Shown
    ) throws {
        let route = try Self.route(issuers: isByToken, certificate: !isByToken) {
            $0.rules = [AllowRule(roles: RoleSet(), certificates: CertificateSet(bits: 1))]
        }
        let result = try Self.judge(route, isByToken ? .goodToken : .nothing, shown)
        let who = isByToken ? "alice" : Self.name
        let scheme: CredentialScheme = isByToken ? .bearer : .certificate
        switch shown {
        case .plain, .nothing:
            #expect(
                result == (
                    .policyCertificateMissing, 403, isByToken ? who : nil,
                    isByToken ? scheme : .none
                ))
        case .right: #expect(result == (.none, 0, who, scheme))
        case .wrong: #expect(result == (.policyCertificateRefused, 403, who, scheme))
        case .nameless:
            // A token's subject is enough of a name; the certificate only has to match.
            #expect(result.status == (isByToken ? 0 : 403))
        }
    }

    @Test(arguments: [
        (Sent.nothing, Shown.right, Reason.policyRoleMissing),
        (.goodToken, .right, .policyRoleMissing),
        (.adminToken, .right, .none), (.adminToken, .wrong, .policyCertificateRefused),
        (.adminToken, .nothing, .policyCertificateMissing),
        (.adminToken, .plain, .policyCertificateMissing),
    ])
    func `a certificate has no roles, and one rule can demand both`(
        sent: Sent, shown: Shown, reason: Reason
    ) throws {
        let route = try Self.route(issuers: true, certificate: true) {
            $0.rules = [AllowRule(roles: Self.admin(), certificates: CertificateSet(bits: 1))]
        }
        let result = try Self.judge(route, sent, shown)
        #expect(result.reason == reason)
        #expect(result.status == (reason == .none ? 0 : 403))
    }

    @Test func `an open route looks at neither`() throws {
        let route = Route(
            name: "o", path: try PathPattern("/**"), authentication: .none, action: .upstream(0))
        for shown in Shown.allCases {
            let result = try Self.judge(route, .badToken, shown)
            #expect(result == (.none, 0, nil, .none))
        }
    }

    @Test func `two credentials are one too many only where a token is looked at`() throws {
        let issuer = try FlowIssuer()
        var bench = try FlowBench.make(
            routes: [Self.route(issuers: true, certificate: true)], issuers: [issuer.issuer])
        Self.show(.right, &bench)
        let twice = "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n"
        let verdict = try bench.judge("GET / HTTP/1.1\r\nHost: a\r\n\(twice)\r\n").verdict
        #expect(verdict == .refuse(status: 400, reason: .tokenDuplicateCredentials))
        let empty = try bench.judge("GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\r\n\r\n").verdict
        #expect(empty == .refuse(status: 401, reason: .tokenMissing))
    }

    @Test func `a limit never counts a token's subject and a certificate's name as one`() throws {
        let issuer = try FlowIssuer()
        let limit = RateLimit(
            name: "each", key: .subject, emissionNanoseconds: 2_000_000_000, burst: 1)
        let route = try Self.route(issuers: true, certificate: true) { $0.limits = [0] }
        var bench = try FlowBench.make(
            routes: [route], limits: [limit], issuers: [issuer.issuer])
        Self.show(.right, &bench)
        let plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let token = try issuer.token(subject: Self.name)
        let bearer = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
        let pass = Verdict.forward(upstream: 0)
        let stop = Verdict.refuse(status: 429, reason: .limitExceeded)
        for (text, expected) in [(plain, pass), (bearer, pass), (plain, stop), (bearer, stop)] {
            let verdict = try bench.judge(text).verdict
            #expect(verdict == expected)
        }
        // Another certificate is somebody else; the same name in another one is not.
        bench.certificateName = "spiffe://x/b"
        let other = try bench.judge(plain).verdict
        #expect(other == pass)
        bench.transport.certificate = .zero
        let renewed = try bench.judge(plain).verdict
        #expect(renewed == stop)
    }

    @Test func `fields say whose certificate it is, and never somebody else's`() throws {
        let issuer = try FlowIssuer()
        let variables: [(String, HeaderVariable)] = [
            ("X-Who", .subject), ("X-From", .issuer), ("X-Client", .clientID),
            ("X-Cert", .certificateDigest), ("X-Name", .certificateName),
        ]
        let route = try Self.route(issuers: true, certificate: true) {
            $0.requestHeaders.set = variables.map {
                HeaderSetting(name: $0.0, pieces: [.variable($0.1)])
            }
        }
        var bench = try FlowBench.make(routes: [route], issuers: [issuer.issuer])
        let hex = "0000000000000001000000000000000200000000000000030000000000000004"
        let token = try issuer.token()
        let plain = "GET / HTTP/1.1\r\nHost: a\r\nX-Cert: forged\r\nX-Who: forged\r\n\r\n"
        let bearer = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
        let cases: [(String, Shown, [String])] = [
            (plain, .right, [Self.name, "", "", hex, Self.name]),
            (bearer, .right, ["alice", "corp", "", hex, Self.name]),
            (bearer, .nothing, ["alice", "corp", "", "", ""]),
        ]
        for (text, shown, expected) in cases {
            Self.show(shown, &bench)
            let sent = try bench.rewrite(text)
            for ((name, _), value) in zip(variables, expected) {
                #expect(sent.contains("\r\n\(name): \(value)\r\n"), "\(name) \(sent)")
            }
            #expect(!sent.contains("forged"))
        }
        // A name with a line end in it stands in no field.
        Self.show(.right, &bench)
        bench.certificateName = "a\r\nX-Admin: 1"
        let sent = try bench.rewrite(plain)
        #expect(!sent.contains("X-Admin"))
        #expect(!sent.contains("X-Who"))
    }
}
