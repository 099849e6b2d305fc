import Authorization
import Crypto
import Primitives
import Settings
import Testing

@Suite struct ExplanationTests {
    private static let now = WallTime(microseconds: 1_800_000_000_000_000)

    /// The valid settings with the key set of a fresh key, and a token that the key signed.
    private func signed(
        roles: [String], subject: String = "anna", expires: Int = 1_800_000_600
    ) throws -> (settings: Settings, token: String) {
        let key = try SigningKey.generate()
        let keySet =
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\""
            + "\(Base64URL.encode(key.publicKey.span))\"}]}"
        var files = try Fixture.files()
        let others = files.read
        files.read = { path, limit in
            guard path == "/keys.json" else { return others(path, limit) }
            return .success(
                SettingsFiles.FileContent(bytes: Array(keySet.utf8), permissions: 0o644))
        }
        let settings = try Settings.parse(
            Array(Fixture.valid.utf8), name: "f.yaml", files: files)
        let header = Array("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k\"}".utf8)
        let names = roles.map { "\"\($0)\"" }.joined(separator: ",")
        let claims = Array(
            """
            {"iss":"https://idp.example.com/","aud":"https://api.example.com","sub":"\(subject)",
            "client_id":"app","iat":1800000000,"exp":\(expires),"jti":"1","roles":[\(names)]}
            """.utf8)
        let text = Base64URL.encode(header.span) + "." + Base64URL.encode(claims.span)
        let message = Array(text.utf8)
        let signature = try key.sign(message.span)
        return (settings, text + "." + Base64URL.encode(signature.span))
    }

    private func explain(
        _ settings: Settings, _ method: String, _ path: String, host: String = "api.example.com",
        token: String? = nil
    ) throws -> Explanation {
        try Explanation(
            ExplainedRequest(method: method, path: path, host: host, token: token),
            settings: settings, now: Self.now)
    }

    @Test func `an allowed request says who, which rule and where to`() throws {
        let (settings, token) = try signed(roles: ["other", "admin"])
        let explanation = try explain(
            settings, "GET", "/v1/a/%6frders?x=1", host: "API.example.com:443", token: token)
        #expect(explanation.isAllowed)
        #expect(explanation.reason == .none)
        #expect(
            explanation.lines == [
                "path       /v1/a/orders",
                "routes     health: no, another path",
                "           read: matches",
                "auth       a token of corp",
                "identity   subject anna of corp, client app, expires at 1800000600",
                "roles      admin, and 1 that no rule names",
                "rules      1. any of reader, admin: decided, by the role admin",
                "limits     per_subject: 100/s, burst 200, per subject",
                "audit      bounded",
                "answer     forwarded to orders (10.0.1.5:9000) while the limits allow",
            ])
    }

    @Test func `a refusal says at which step and why`() throws {
        let (settings, token) = try signed(roles: ["other"])
        let missing = try explain(settings, "GET", "/v1/a/orders")
        #expect(missing.reason == .tokenMissing)
        #expect(missing.status == 401)
        let role = try explain(settings, "GET", "/v1/a/orders", token: token)
        #expect(role.reason == .policyRoleMissing)
        #expect(role.status == 403)
        #expect(role.identity?.subject == "anna")
        #expect(role.rule == nil)
        let malformed = try explain(settings, "GET", "/v1/a/orders", token: "x.y")
        #expect(malformed.reason == .tokenMalformed)
        let twice = try explain(settings, "GET", "/v1/a/orders?access_token=t", token: token)
        #expect(twice.reason == .tokenDuplicateCredentials)
        #expect(twice.status == 400)
        let method = try explain(settings, "PUT", "/v1/a/orders")
        #expect(method.reason == .policyMethodRefused)
        #expect(method.status == 405)
        #expect(method.tried.map(\.mismatch) == [.path, .method])
        let host = try explain(settings, "GET", "/v1/a/orders", host: "other.example.com")
        #expect(host.reason == .policyNoRoute)
        #expect(host.status == 404)
        #expect(host.tried.map(\.mismatch) == [.path, .host])
        let path = try explain(settings, "GET", "/v1/a/../orders")
        #expect(path.reason == .requestPathAmbiguous)
        #expect(path.path == nil)
    }

    @Test func `an expired token is refused`() throws {
        let (settings, token) = try signed(roles: ["admin"], expires: 1_799_999_000)
        let explanation = try explain(settings, "GET", "/v1/a/orders", token: token)
        #expect(explanation.reason == .tokenExpired)
    }

    @Test func `a route that answers by itself needs no token`() throws {
        let settings = try Fixture.parse(Fixture.valid)
        let explanation = try explain(settings, "GET", "/healthz")
        #expect(
            explanation.lines == [
                "path       /healthz", "routes     health: matches",
                "auth       none: everybody may pass", "audit      bounded",
                "answer     200, by the route itself",
            ])
    }

    @Test func `the route's own promise stands above the log's`() throws {
        let changed = Fixture.valid
            .replacing("directory: /var", with: "mode: best_effort\n  directory: /var")
            .replacing("upstream: orders", with: "upstream: orders\n    audit: {mode: strict}")
        let settings = try Fixture.parse(changed)
        #expect(settings.audit.mode == .bestEffort)
        #expect(try explain(settings, "GET", "/healthz").auditMode == "best_effort")
        #expect(try explain(settings, "GET", "/v1/a/orders").auditMode == "strict")
    }

    @Test func `the table of routes lines up`() throws {
        let table = RouteTable(try Fixture.parse(Fixture.valid))
        #expect(
            table.lines == [
                "#  name    host             path                    methods   auth  roles       "
                    + "  limits       upstream",
                "1  health  any              /healthz                any       none  -           "
                    + "  -            responds 200",
                "2  read    api.example.com  /v1/{tenant}/orders/**  GET,HEAD  corp  reader|admin"
                    + "  per_subject  orders",
            ])
    }
}
