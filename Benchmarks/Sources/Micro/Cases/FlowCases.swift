import AuditRecords
import Authentication
import Authorization
import Crypto
import HTTP
import Primitives
import RateLimiting
import RequestFlow
import Upstream

/// The whole judgement of a request whose token the cache knows.
enum FlowCases {
    static func run(_ harness: inout Harness) throws {
        guard harness.wantsGroup("admission") else { return }
        let issuer = Issuer(
            name: "corp", issuer: "https://idp.example.com/",
            audiences: ["https://api.example.com"], algorithms: [.RS256, .ES256],
            keys: try JSONWebKeySet(json: Array(SampleTokens.keySet.utf8)))
        let authentication = AuthenticationSettings(issuers: [issuer], roleNames: ["reader"])
        var roles = RoleSet()
        roles.insert(0)
        var route = Route(
            name: "orders", path: try PathPattern("/v1/**"),
            authentication: .required(IssuerSet(bits: 1), acceptsCertificate: false),
            action: .upstream(0))
        route.rules = [AllowRule(roles: roles)]
        let settings = ProxySettings(
            generation: SettingsGeneration(number: 1), authentication: authentication,
            policy: CompiledPolicy(routes: [route], roleNames: ["reader"]), rateLimits: [],
            limitTable: LimitTable(slots: 64, secret: (1, 2)),
            upstreams: [
                UpstreamSettings(
                    name: "orders", endpoints: [EndpointSettings(host: "127.0.0.1", port: 1)])
            ],
            connections: ConnectionLimits(), listeners: [.init(name: "public", trustedProxies: [])],
            auditBoundMilliseconds: 1000, auditBoundRecords: 1000, viaName: Array("gate-1".utf8))
        let library = try CryptoLibrary()
        var authenticator = try Authenticator(authentication, library: library)
        var draft = RecordDraft(hash: try SHA256(library), queryBytes: 16384)
        let text = Array(
            ("GET /v1/orders HTTP/1.1\r\nHost: a\r\n"
                + "Authorization: Bearer \(SampleTokens.es256[0])\r\n\r\n").utf8)
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        _ = try head.parse(text.span, scanned: &scanned)
        harness.measure("admission, token known") { count in
            for _ in 0..<count {
                var facts = RecordFacts()
                facts.listener = 0
                facts.time = AuthenticationCases.now
                draft.removeAll()
                let admission = Admission.judge(
                    head: head, bytes: text.span, settings: settings,
                    authenticator: &authenticator, facts: &facts, record: &draft,
                    transport: TransportFacts(), certificateName: Span(),
                    now: Instant(nanoseconds: 1_000_000_000))
                precondition(admission.principal >= 0 && facts.outcome == .allow)
                keep(admission.route)
            }
        }
    }
}
