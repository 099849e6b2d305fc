import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting
import RequestFlow
import Testing

@Suite struct AdmissionTests {
    private static func route(
        _ path: String, _ authentication: RouteAuthentication = .none,
        methods: MethodSet = .any, action: RouteAction = .upstream(0)
    ) throws -> Route {
        var route = Route(
            name: path, path: try PathPattern(path), authentication: authentication,
            action: action)
        route.methods = methods
        return route
    }

    @Test func `a request of an open route is forwarded, and the record says by which route`()
        throws
    {
        var bench = try FlowBench.make(routes: [Self.route("/v1/**")])
        let admission = try bench.judge("GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(admission.verdict == .forward(upstream: 0))
        #expect(bench.facts.route == 0)
        #expect(bench.facts.upstream == 0)
        #expect(bench.facts.outcome == .allow)
    }

    @Test(
        arguments: [
            ("GET /v2 HTTP/1.1\r\nHost: a\r\n\r\n", 404, Reason.policyNoRoute),
            (
                "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405,
                .policyMethodRefused
            ),
            (
                "GET /v1/x HTTP/1.1\r\nHost: a\r\nVia: 1.1 other, 1.1 gate-1\r\n\r\n", 508,
                .requestLoopDetected
            ),
            ("GET /closed HTTP/1.1\r\nHost: a\r\n\r\n", 401, .tokenMissing),
            (
                "GET /closed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y\r\n\r\n",
                400, .tokenDuplicateCredentials
            ),
            (
                "GET /closed?access_token=x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer y\r\n\r\n",
                400, .tokenDuplicateCredentials
            ),
            (
                "GET /closed HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n", 401,
                .tokenSchemeUnsupported
            ),
        ] as [(String, UInt16, Reason)])
    func `a request that may not pass is refused with its reason`(
        text: String, status: UInt16, reason: Reason
    ) throws {
        var bench = try FlowBench.make(routes: [
            Self.route("/v1/**", methods: MethodSet(.get)),
            Self.route("/closed", .required(IssuerSet(), acceptsCertificate: false)),
        ])
        let admission = try bench.judge(text)
        #expect(admission.verdict == .refuse(status: status, reason: reason))
        #expect(bench.facts.reason == reason)
        #expect(bench.facts.outcome != .allow)
        let answer = bench.answer(admission)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("\"code\":\"\(reason.code)\""))
        #expect(answer.contains("WWW-Authenticate: Bearer") == (status == 401 || status == 400))
        #expect(answer.contains("Allow: ") == (status == 405))
    }

    @Test func `requests past the limit are refused until one fits again`() throws {
        var route = try Self.route("/**")
        route.limits = [0]
        let limit = RateLimit(
            name: "per_ip", key: .clientAddress, emissionNanoseconds: 2_000_000_000, burst: 2)
        var bench = try FlowBench.make(routes: [route], limits: [limit])
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(try bench.judge(text).verdict == .forward(upstream: 0))
        #expect(try bench.judge(text).verdict == .forward(upstream: 0))
        let refused = try bench.judge(text)
        #expect(refused.verdict == .refuse(status: 429, reason: .limitExceeded))
        #expect(bench.facts.outcome == .throttle)
        let answer = bench.answer(refused)
        #expect(answer.contains("\r\nRetry-After: 2\r\n"))
        #expect(answer.contains("\r\nRateLimit-Policy: \"per_ip\";q=2;w=4\r\n"))
        #expect(answer.contains("\r\nRateLimit: \"per_ip\";r=0;t=4\r\n"))
    }

    @Test func `a route can answer by itself, and OPTIONS ends where it may go no further`() throws
    {
        let respond = RouteAction.respond(
            status: 200, body: Array("ok\n".utf8), contentType: "text/plain")
        var bench = try FlowBench.make(routes: [
            Self.route("/healthz", action: respond), Self.route("/**"),
        ])
        let health = try bench.judge("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.answer(health).hasSuffix("\r\n\r\nok\n"))
        #expect(bench.answer(health, isHead: true).hasSuffix("\r\n\r\n"))
        let options = try bench.judge(
            "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
        #expect(options.verdict == .respondOptions)
        #expect(bench.answer(options).contains("\r\nAllow: GET, HEAD"))
    }
}
