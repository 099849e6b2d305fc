import Authentication
import Authorization
import HTTP
import Primitives
import Testing

@Suite struct CompiledPolicyTests {
    private func route(
        _ name: String, _ path: String, host: String? = nil, methods: MethodSet = .any
    ) throws -> Route {
        var route = Route(
            name: name, path: try PathPattern(path), authentication: .none, action: .upstream(0))
        if let host { route.host = try HostPattern(host) }
        route.methods = methods
        return route
    }

    private func match(
        _ policy: CompiledPolicy, _ path: String, host: String = "h", method: String = "GET"
    ) -> RouteMatch {
        let host = Array(host.utf8)
        let path = Array(path.utf8)
        let method = Array(method.utf8)
        return policy.match(
            host: host.span, path: path.span, method: HTTP.Method(method.span),
            methodText: method.span)
    }

    @Test(arguments: [
        ("/", "/", true), ("/", "/a", false), ("/a", "/a", true), ("/a", "/a/", false),
        ("/a/", "/a/", true), ("/a/", "/a", false), ("/a", "/ab", false), ("/ab", "/a", false),
        ("/**", "/", true), ("/**", "/a/b", true), ("/**", "*", false),
        ("/x/**", "/x", true), ("/x/**", "/x/", true), ("/x/**", "/x/y/z", true),
        ("/x/**", "/xy", false), ("/x/**", "/", false),
        ("/v1/{tenant}/orders/**", "/v1/t/orders", true),
        ("/v1/{tenant}/orders/**", "/v1/t/orders/7/items", true),
        ("/v1/{tenant}/orders/**", "/v1/t/ordersx", false),
        ("/v1/{tenant}/orders/**", "/v1//orders", false),
        ("/v1/{tenant}/orders/**", "/v1/a/b/orders", false),
        ("/{a}", "/", false), ("/{a}", "/x", true), ("/{a}", "/x/", false),
        ("/{a}/**", "/", false), ("/{a}/**", "/x", true), ("/{a}/**", "/x/y", true),
        ("/*/b", "/a/b", true), ("/*/b", "/a/c", false), ("/*/b", "/a", false),
        ("/a/*", "/a/b", true), ("/a/*", "/a/", false), ("/*/*", "/a/b", true),
        ("/{a}/", "/a/", true), ("/{a}/", "/a", false),
        ("/a-long-literal/of/many/bytes", "/a-long-literal/of/many/bytes", true),
        ("/a-long-literal/of/many/bytes", "/a-long-literal/of/many/bytex", false),
        ("/%61", "/a", true), ("/A", "/a", false),
    ])
    func `a path pattern matches`(pattern: String, path: String, isMatch: Bool) throws {
        let policy = CompiledPolicy(routes: [try route("r", pattern)], roleNames: [])
        #expect(match(policy, path) == (isMatch ? .route(0) : .noRoute))
    }

    @Test(arguments: [
        ("api.example.com", "api.example.com", true), ("api.example.com", "API.Example.COM", true),
        ("api.example.com", "api.example.com:8443", true),
        ("api.example.com", "api.example.com.", true),
        ("api.example.com", "api.example.com.:80", true),
        ("api.example.com", "api.example.com:", true),
        ("api.example.com", "xapi.example.com", false), ("api.example.com", "", false),
        ("api.example.com", "api.example.co", false),
        ("*.example.com", "a.example.com", true), ("*.example.com", "a.b.EXAMPLE.com:1", true),
        ("*.example.com", "example.com", false), ("*.example.com", ".example.com", false),
        ("*.example.com", "badexample.com", false),
        ("[::1]", "[::1]:8080", true), ("[::1]", "[::1]", true), ("[::1]", "[::2]", false),
        ("127.0.0.1", "127.0.0.1:80", true), ("127.0.0.1", "127.0.0.1", true),
    ])
    func `a host pattern matches`(pattern: String, host: String, isMatch: Bool) throws {
        let policy = CompiledPolicy(
            routes: [try route("r", "/**", host: pattern)], roleNames: [])
        #expect(match(policy, "/", host: host) == (isMatch ? .route(0) : .noRoute))
    }

    @Test func `the first route that matches wins, whatever comes later`() throws {
        let policy = CompiledPolicy(
            routes: [
                try route("one", "/a/b", host: "x"), try route("two", "/a/{n}"),
                try route("three", "/**"),
            ], roleNames: [])
        #expect(match(policy, "/a/b", host: "x") == .route(0))
        #expect(match(policy, "/a/b", host: "y") == .route(1))
        #expect(match(policy, "/c") == .route(2))
        #expect(match(CompiledPolicy(routes: [], roleNames: []), "/") == .noRoute)
    }

    @Test func `methods decide last, and a later route may have the method`() throws {
        var report = MethodSet()
        report.insert(.other, text: "REPORT")
        let policy = CompiledPolicy(
            routes: [
                try route("read", "/a", methods: MethodSet(.get, .head)),
                try route("write", "/a", methods: MethodSet(.post)),
                try route("report", "/a", methods: report),
            ], roleNames: [])
        #expect(match(policy, "/a", method: "GET") == .route(0))
        #expect(match(policy, "/a", method: "HEAD") == .route(0))
        #expect(match(policy, "/a", method: "POST") == .route(1))
        #expect(match(policy, "/a", method: "REPORT") == .route(2))
        #expect(match(policy, "/a", method: "report") == .methodRefused(0))
        #expect(match(policy, "/a", method: "DELETE") == .methodRefused(0))
        #expect(match(policy, "/b", method: "DELETE") == .noRoute)
    }

    @Test func `rules are tried in order, and any role of a rule is enough`() throws {
        var reader = RoleSet()
        reader.insert(0)
        reader.insert(1)
        var admin = RoleSet()
        admin.insert(200)
        var route = try route("r", "/")
        route.rules = [AllowRule(roles: reader), AllowRule(roles: admin)]
        let open = try self.route("o", "/o")
        let policy = CompiledPolicy(routes: [route, open], roleNames: [])
        var held = RoleSet()
        #expect(
            policy.authorise(route: 0, roles: held)
                == Decision(
                    isAllowed: false, reason: .policyRoleMissing, rule: Decision.noIndex,
                    role: Decision.noIndex))
        #expect(
            policy.authorise(route: 1, roles: held)
                == Decision(
                    isAllowed: true, reason: .none, rule: Decision.noIndex,
                    role: Decision.noIndex))
        held.insert(200)
        #expect(
            policy.authorise(route: 0, roles: held)
                == Decision(isAllowed: true, reason: .none, rule: 1, role: 200))
        held.insert(1)
        #expect(
            policy.authorise(route: 0, roles: held)
                == Decision(isAllowed: true, reason: .none, rule: 0, role: 1))
    }

    @Test func `what a route says comes back from flat memory`() throws {
        var issuers = IssuerSet()
        issuers.insert(3)
        var route = Route(
            name: "orders", path: try PathPattern("/o"),
            authentication: .required(issuers, acceptsCertificate: false),
            action: .respond(status: 204, body: Array("ok".utf8), contentType: "text/plain"))
        route.limits = [4, 2]
        route.auditLevel = 2
        route.auditMode = 0
        route.requestHeaders.set = [
            HeaderSetting(
                name: "X-User", pieces: [.literal(Array("u:".utf8)), .variable(.subject)])
        ]
        route.requestHeaders.remove = ["Cookie"]
        let first = try self.route("first", "/f")
        let policy = CompiledPolicy(routes: [first, route], roleNames: ["a"])
        #expect(policy.authentication(of: 0) == .none)
        #expect(policy.authentication(of: 1) == .required(issuers, acceptsCertificate: false))
        #expect(policy.action(of: 0) == .upstream(0))
        #expect(policy.action(of: 1) == .respond(status: 204))
        #expect((0..<policy.limitCount(of: 1)).map { policy.limit(of: 1, at: $0) } == [4, 2])
        #expect(policy.auditLevel(of: 1) == 2)
        #expect(policy.auditMode(of: 1) == 0)
        let texts = [
            policy.name(of: 1).text(), policy.responseBody(of: 1).text(),
            policy.responseContentType(of: 1).text(), policy.headerName(of: 1, at: 0).text(),
        ]
        #expect(texts == ["orders", "ok", "text/plain", "X-User"])
        #expect(policy.headerCount(of: 1) == 1)
        #expect(policy.headerPartCount(of: 1, at: 0) == 2)
        #expect(policy.headerPart(of: 1, at: 0, part: 1) == .variable(.subject))
        guard case .literal(let range) = policy.headerPart(of: 1, at: 0, part: 0) else {
            Issue.record("a literal was expected")
            return
        }
        let literal = policy.text(range).text()
        #expect(literal == "u:")
        let dropped = ["cookie", "X-USER", "Cookies", "X-Use"].map { name in
            let bytes = Array(name.utf8)
            return policy.drops(bytes.span, on: 1)
        }
        #expect(dropped == [true, true, false, false])
    }

    @Test func `an earlier route shadows a later one`() throws {
        let all = try route("all", "/a/**")
        let hosted = try route("hosted", "/a/**", host: "*.x.org")
        let reads = try route("reads", "/a/**", methods: MethodSet(.get))
        #expect(all.shadows(hosted))
        #expect(!hosted.shadows(all))
        #expect(try hosted.shadows(route("n", "/a/b", host: "y.x.org")))
        #expect(all.shadows(reads))
        #expect(!reads.shadows(all))
        #expect(try reads.shadows(route("n", "/a", methods: MethodSet(.get))))
        #expect(try !reads.shadows(route("n", "/a", methods: MethodSet(.get, .put))))
    }
}
