import Authentication
import Authorization
import Primitives
import Settings
import Testing

@Suite struct AccessReaderTests {
    /// The secure file with a listener that asks for certificates.
    private static let asking = Fixture.secure.replacing(
        "    tls:\n", with: "    tls:\n      client_ca: /clients.pem\n      client_auth: optional\n"
    )

    private func policy(_ auth: String, _ allow: String) throws -> CompiledPolicy {
        try Fixture.parse(AccessReaderTests.text(auth, allow)).policy
    }

    /// The asking file with `auth` and `allow` on the route `read`.
    private static func text(_ auth: String, _ allow: String) -> String {
        asking.replacing("auth: corp", with: "auth: \(auth)")
            .replacing("allow: {roles: [reader, admin]}", with: "allow: \(allow)")
    }

    @Test func `a certificate is a route's authentication, alone or beside issuers`() throws {
        let alone = try policy("client_certificate", "{certificate: {dns: a.example.com}}")
        #expect(
            alone.authentication(of: 1) == .required(IssuerSet(), acceptsCertificate: true))
        let both = try policy("[corp, client_certificate]", "{roles: reader}")
        #expect(
            both.authentication(of: 1) == .required(IssuerSet(bits: 1), acceptsCertificate: true))
        let token = try policy("corp", "{roles: reader}")
        #expect(
            token.authentication(of: 1) == .required(IssuerSet(bits: 1), acceptsCertificate: false))
    }

    @Test func `rules demand certificates by each attribute`() throws {
        let digest = String(repeating: "aB", count: 32)
        let policy = try policy(
            "client_certificate",
            """
            [{certificate: {uri: ["spiffe://a/*", "spiffe://b/x"]}},
                       {certificate: {dns: "*.example.com"}},
                       {certificate: {email: anna@example.com}},
                       {certificate: {sha256: \(digest)}},
                       {certificate: {subject: "CN=a,O=b"}},
                       {certificate: {uri: spiffe://b/x}}]
            """)
        #expect(
            policy.certificates.map(\.description) == [
                "uri spiffe://a/*", "uri spiffe://b/x", "dns *.example.com",
                "email anna@example.com", "sha256 \(digest.lowercased())", "subject CN=a,O=b",
            ])
        #expect(
            policy.routes[1].rules.map(\.certificates.bits) == [
                0b11, 0b100, 0b1000, 0b1_0000, 0b10_0000, 0b10,
            ])
        #expect(policy.routes[1].rules.allSatisfy { $0.roles.isEmpty })
    }

    @Test func `a rule may demand a role and a certificate`() throws {
        let policy = try policy("corp", "{roles: [admin], certificate: {dns: a.example.com}}")
        let rule = try #require(policy.routes[1].rules.first)
        #expect(!rule.roles.isEmpty)
        #expect(rule.certificates == CertificateSet(bits: 1))
    }

    @Test func `fields may say whose certificate it is`() throws {
        let text = AccessReaderTests.asking.replacing(
            "    upstream: orders\n",
            with: """
                    upstream: orders
                    request_headers:
                      set:
                        X-Name: ${identity.certificate.name}
                        X-Hash: ${identity.certificate.sha256}

                """)
        let headers = try Fixture.parse(text).policy.routes[1].requestHeaders
        #expect(
            headers.set.map(\.pieces) == [
                [.variable(.certificateName)], [.variable(.certificateDigest)],
            ])
    }

    @Test(arguments: [
        ("client_cert", "{roles: reader}", "routes[1].auth names the unknown issuer 'client_cert'"),
        ("[client_certificate, none]", "{certificate: {dns: a.b}}", "routes[1].auth[1]: none"),
        ("client_certificate", "{}", "routes[1].allow demands nothing: write roles or certificate"),
        (
            "client_certificate", "{roles: reader}",
            "routes[1].allow.roles: only tokens have roles, but auth names no issuer"
        ),
        (
            "corp", "{certificate: {}}",
            "routes[1].allow.certificate demands nothing: write one of subject, uri, dns, email"
        ),
        ("corp", "{certificate: x}", "routes[1].allow.certificate must be a mapping, not 'x'"),
        (
            "corp", "{certificate: {urn: x}}",
            "unknown key 'urn' in routes[1].allow.certificate, did you mean 'uri'?"
        ),
        (
            "corp", "{certificate: {uri: a:b, dns: c.d}}",
            "routes[1].allow.certificate has uri and dns, which could mean both or either"
        ),
        ("corp", "{certificate: {dns: []}}", "routes[1].allow.certificate.dns is an empty list"),
        (
            "corp", "{certificate: {uri: '*'}}",
            "routes[1].allow.certificate.uri is '*': not a URI with a scheme"
        ),
        (
            "corp", "{certificate: {dns: 'a.*'}}",
            "routes[1].allow.certificate.dns is 'a.*': '*' stands at the end of a uri, or as '*.'"
        ),
        (
            "corp", "{certificate: {sha256: abc}}",
            "routes[1].allow.certificate.sha256 is 'abc': not the 64 hexadecimal digits"
        ),
        (
            "corp", "{certificate: {email: anna}}",
            "routes[1].allow.certificate.email is 'anna': not a mail address"
        ),
        (
            "none", "{certificate: {dns: a.b}}",
            "routes[1].allow needs to know who asks, but auth is none"
        ),
    ])
    func `what can't be meant is refused`(auth: String, allow: String, error: String) throws {
        var text = AccessReaderTests.text(auth, allow)
        if auth == "none" { text = text.replacing("    rate_limit: per_subject\n", with: "") }
        let errors = try Fixture.errors(text)
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains("error: \(error)") == true, "\(errors)")
    }

    @Test func `one certificate more than a policy holds is refused`() throws {
        let names = (0...CertificateSet.capacity).map { "n\($0).example.com" }
        let half = names.count / 2
        let lists = [names[..<half], names[half...]].map { $0.joined(separator: ", ") }
        let errors = try Fixture.errors(
            AccessReaderTests.text(
                "corp", "[{certificate: {dns: [\(lists[0])]}}, {certificate: {dns: [\(lists[1])]}}]"
            ))
        #expect(errors.count == 1)
        #expect(errors[0].contains("is the 65th certificate of all routes, limit 64"))
    }

    @Test(arguments: [
        ("client_certificate", "{certificate: {dns: a.b}}", 2),
        ("[corp, client_certificate]", "{roles: reader}", 1),
        ("corp", "{certificate: {dns: a.b}}", 1),
    ])
    func `some listener must ask for certificates`(
        auth: String, allow: String, count: Int
    ) throws {
        let text = Fixture.secure.replacing("auth: corp", with: "auth: \(auth)")
            .replacing("allow: {roles: [reader, admin]}", with: "allow: \(allow)")
        let errors = try Fixture.errors(text)
        #expect(errors.count == count)
        #expect(errors.allSatisfy { $0.contains("but no listener's tls.client_auth is optional") })
        #expect(
            try Fixture.errors(
                AccessReaderTests.text(auth, allow)
                    .replacing("client_auth: optional", with: "client_auth: require")) == [])
    }

    @Test func `an issuer can't have the certificate's name`() throws {
        let text = Fixture.secure.replacing("  corp:\n", with: "  client_certificate:\n")
            .replacing("auth: corp", with: "auth: client_certificate")
            .replacing("    allow: {roles: [reader, admin]}\n", with: "")
        let errors = try Fixture.errors(text)
        #expect(errors.count == 1)
        #expect(errors[0].contains("error: an issuer can't be named client_certificate"))
    }

    @Test func `the table and an explanation say what certificates are demanded`() throws {
        let settings = try Fixture.parse(
            AccessReaderTests.text(
                "[corp, client_certificate]",
                "[{certificate: {uri: 'spiffe://a/*'}}, "
                    + "{roles: [admin], certificate: {dns: [a.b, c.d]}}]"))
        let row = RouteTable(settings).rows[1]
        #expect(row.issuers == ["corp", "client_certificate"])
        #expect(row.certificates == [["uri spiffe://a/*"], ["dns a.b", "dns c.d"]])
        #expect(
            RouteTable(settings).lines[2].contains(
                "corp,client_certificate  uri spiffe://a/* or admin + dns a.b|dns c.d"))
        let explanation = try Explanation(
            ExplainedRequest(method: "GET", path: "/v1/a/orders", host: "api.example.com"),
            settings: settings, now: .init(microseconds: 1_800_000_000_000_000))
        #expect(explanation.reason == .tokenMissing)
        #expect(
            explanation.lines[3...6] == [
                "auth       a token of corp, or a client certificate",
                "rules      1. a certificate with uri spiffe://a/*",
                "           2. any of admin, and a certificate with dns a.b or dns c.d",
                "client     without a certificate: only a connection can show one",
            ])
    }

    @Test func `without a certificate, a route for certificates alone refuses`() throws {
        let settings = try Fixture.parse(
            AccessReaderTests.text("client_certificate", "{certificate: {dns: a.b}}"))
        let explanation = try Explanation(
            ExplainedRequest(
                method: "GET", path: "/v1/a/orders", host: "api.example.com", token: "x"),
            settings: settings, now: .init(microseconds: 1_800_000_000_000_000))
        #expect(explanation.reason == .policyCertificateMissing)
        #expect(explanation.status == 403)
        #expect(explanation.lines[3] == "auth       a client certificate")
    }
}
