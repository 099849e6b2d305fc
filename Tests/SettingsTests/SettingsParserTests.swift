import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting
import Settings
import Testing
import Upstream

@Suite struct SettingsParserTests {
    @Test func `a valid file becomes settings, with defaults`() throws {
        let settings = try Fixture.parse(Fixture.valid)
        #expect(
            settings.listeners == [
                ListenerSettings(
                    name: "public", host: "127.0.0.1", port: 8080,
                    trustedProxies: [
                        AddressRange(
                            address: PeerAddress(ipv4: 0x0A00_0000, port: 0).address,
                            prefixBits: 104)
                    ])
            ])
        let issuer = settings.authentication.issuers[0]
        #expect(issuer.name == "corp")
        #expect(issuer.issuer == "https://idp.example.com/")
        #expect(issuer.audiences == ["https://api.example.com"])
        #expect(issuer.algorithms == [.ES256, .RS256, .PS256, .EdDSA])
        #expect(issuer.tokenType == .accessToken)
        #expect(issuer.maxAgeSeconds == nil)
        #expect(issuer.clockSkewSeconds == 30)
        #expect(issuer.keys.keys.count == 1)
        #expect(settings.authentication.roleNames == ["reader", "admin"])
        #expect(
            settings.rateLimits == [
                RateLimit(
                    name: "per_subject", key: .subject, emissionNanoseconds: 10_000_000,
                    burst: 200)
            ])
        #expect(
            settings.upstreams == [
                UpstreamSettings(
                    name: "orders", endpoints: [EndpointSettings(host: "10.0.1.5", port: 9000)])
            ])
        #expect(settings.connections == ConnectionLimits())
        #expect(settings.workers == nil)
        #expect(settings.limitTableSlots == LimitTable.defaultSlots)
        #expect(settings.warnings.isEmpty)
        #expect(settings.digest != .zero)
        #expect(
            settings.audit
                == AuditSettings(
                    directory: "/var/lib/sallyport/audit", originName: "api.example.com/ingress-1",
                    signingKeyPath: "/audit.pem"))
    }

    @Test func `routes become a policy`() throws {
        let policy = try Fixture.parse(Fixture.valid).policy
        #expect(policy.routes.map(\.name) == ["health", "read"])
        #expect(policy.authentication(of: 0) == .none)
        #expect(
            policy.authentication(of: 1) == .required(IssuerSet(bits: 1), acceptsCertificate: false)
        )
        #expect(policy.action(of: 0) == .respond(status: 200))
        #expect(policy.action(of: 1) == .upstream(0))
        #expect(policy.limit(of: 1, at: 0) == 0)
        #expect(policy.routes[1].host?.text == "api.example.com")
        #expect(policy.routes[1].methods == MethodSet(.get, .head))
        #expect(policy.auditLevel(of: 1) == AuditLevel.metadata.rawValue)
        #expect(policy.auditMode(of: 1) == AuditMode.bounded.rawValue)
    }

    @Test func `names of records follow the numbers of the settings`() throws {
        let settings = try Fixture.parse(
            Fixture.valid.replacing("[http://10.0.1.5:9000]", with: "['http://[::1]']"))
        let names = settings.recordNames
        #expect(names.listeners == ["public"])
        #expect(names.routes == ["health", "read"])
        #expect(names.issuers == ["corp"])
        #expect(names.limits == ["per_subject"])
        #expect(names.roles == ["reader", "admin"])
        #expect(names.upstreams == ["orders"])
        #expect(names.endpoints == [["[::1]:80"]])
        #expect(names.settingsDigest == settings.digest)
    }

    @Test func `every key of this version is read`() throws {
        let text =
            Fixture.valid
            .replacing(
                "version: 1\n", with: "version: 1\nworkers: 3\nrealm: api\nroles: [reader, admin]\n"
            )
            .replacing("127.0.0.1:8080", with: "\"[::]:0\"")
            .replacing(
                "jwks: {file: /keys.json}",
                with: """
                    algorithms: [EdDSA, Ed25519, PS512]
                        token_type: any
                        max_age: 1h
                        clock_skew: 0s
                        claims: {subject: email, roles: realm_access.roles}
                        jwks: {file: "file:/keys.json"}
                    """
            )
            .replacing(
                "rate: 100/s, burst: 200}",
                with:
                    "rate: 3/m}\n  ip: {key: client_ip, rate: 7/10s}\n  all: {key: route, rate: 1/h}"
            )
            .replacing("rate_limit: per_subject", with: "rate_limit: [ip, all, per_subject]")
            .replacing(
                "endpoints: [http://10.0.1.5:9000]",
                with: """
                    endpoints: [http://orders.internal/, "http://[2001:db8::1]:81"]
                        balance: round_robin
                        timeouts: {connect: 2s, response: 1m, stall: 5s, idle: 20s}
                        retries: {attempts: 0, on: [connect_failure]}
                        idle_connections: 7
                    """
            )
            .replacing(
                "upstream: orders",
                with: """
                    upstream: orders
                        audit: {mode: bounded, level: metadata}
                        request_headers:
                          set: {X-User: "u=${identity.subject};$$", X-Route: "${route.name}"}
                          remove: [Authorization, Cookie]
                    """
            )
            .replacing("/audit.pem", with: "credential:audit-key")
                + """
                  mode: bounded
                  bound: {time: 500ms, records: 1024}
                  checkpoint: 5s
                  rotate: {size: 128MiB, age: 30m}
                  heartbeat: 10s
                  disk: {warn: 80%, reserve: 32MiB}
                  epoch: 5m
                  ring: 1MiB
                  privacy: {subject: pseudonym, client_ip: pseudonym, key_rotation: 90d}
                limits:
                  request_line: 4KiB
                  head: 32KiB
                  fields: 50
                  trailers: 0B
                  chunk_line: 64B
                  body: 10MB
                  token: 4KiB
                  head_time: 5s
                  idle_time: 2m
                  body_stall: 7s
                  connections: 500
                  requests_per_connection: 9
                  drain_time: 0s
                  audit_wait: 50ms
                  rate_limit_slots: 4096

                """
        let settings = try Fixture.parse(text)
        #expect(settings.workers == 3)
        #expect(settings.listeners[0].host == "::")
        #expect(settings.listeners[0].port == 0)
        #expect(settings.authentication.realm == "api")
        #expect(settings.authentication.limits.tokenBytes == 4096)
        let issuer = settings.authentication.issuers[0]
        #expect(issuer.algorithms == [.EdDSA, .PS512])
        #expect(issuer.tokenType == .any)
        #expect(issuer.maxAgeSeconds == 3600)
        #expect(issuer.clockSkewSeconds == 0)
        #expect(issuer.subjectPath == ["email"])
        #expect(issuer.rolesPath == ["realm_access", "roles"])
        let limits = settings.rateLimits
        #expect(limits.map(\.name) == ["per_subject", "ip", "all"])
        #expect(limits.map(\.key) == [.subject, .clientAddress, .route])
        #expect(limits.map(\.burst) == [3, 7, 1])
        #expect(
            limits.map(\.emissionNanoseconds) == [
                20_000_000_000, 1_428_571_429, 3_600_000_000_000,
            ])
        var upstream = UpstreamSettings(
            name: "orders",
            endpoints: [
                EndpointSettings(host: "orders.internal", port: 80),
                EndpointSettings(host: "2001:db8::1", port: 81),
            ])
        upstream.connectMilliseconds = 2000
        upstream.responseMilliseconds = 60_000
        upstream.stallMilliseconds = 5000
        upstream.idleMilliseconds = 20_000
        upstream.connectRetries = 0
        upstream.idleConnections = 7
        #expect(settings.upstreams == [upstream])
        #expect(settings.policy.routes[1].limits == [1, 2, 0])
        var headers = HeaderRules()
        headers.set = [
            HeaderSetting(
                name: "X-User",
                pieces: [
                    .literal(Array("u=".utf8)), .variable(.subject), .literal(Array(";$".utf8)),
                ]), HeaderSetting(name: "X-Route", pieces: [.variable(.route)]),
        ]
        headers.remove = ["Authorization", "Cookie"]
        #expect(settings.policy.routes[1].requestHeaders == headers)
        var audit = settings.audit
        #expect(audit.signingKeyPath == "/credentials/audit-key")
        #expect(audit.boundMilliseconds == 500)
        #expect(audit.boundRecords == 1024)
        #expect(audit.checkpointMilliseconds == 5000)
        #expect(audit.rotateBytes == 128 << 20)
        #expect(audit.rotateSeconds == 1800)
        #expect(audit.heartbeatSeconds == 10)
        #expect(audit.diskWarnPercent == 80)
        #expect(audit.diskReserveBytes == 32 << 20)
        #expect(audit.privacy.subject == .pseudonym)
        #expect(audit.privacy.clientAddress == .pseudonym)
        #expect(audit.privacy.keySeconds == 90 * 86_400)
        #expect(audit.privacy.keyringKeyPath == nil)
        #expect(audit.epochSeconds == 300)
        audit.mode = .bounded
        #expect(audit.ringBytes == 1 << 20)
        var connections = ConnectionLimits()
        connections.http.requestLineBytes = 4096
        connections.http.headBytes = 32768
        connections.http.fieldCount = 50
        connections.http.trailerBytes = 0
        connections.http.chunkLineBytes = 64
        connections.requestBodyBytes = 10_000_000
        connections.headMilliseconds = 5000
        connections.idleMilliseconds = 120_000
        connections.bodyStallMilliseconds = 7000
        connections.connectionsPerWorker = 500
        connections.requestsPerConnection = 9
        connections.drainMilliseconds = 0
        connections.auditWaitMilliseconds = 50
        #expect(settings.connections == connections)
        #expect(settings.limitTableSlots == 4096)
    }

    @Test func `every error of a file comes in one run, sorted by place`() throws {
        let text = """
            version: 2
            listners: {}
            listeners:
              a: {address: "0.0.0.0"}
            routes:
              - {name: r, match: {path: x}, upstream: u}
            audit: {directory: /d, origin: "a b", signing_key: /missing}
            """
        #expect(
            try Fixture.errors(text) == [
                "f.yaml:1:10: error: version is '2', this program reads version 1",
                "f.yaml:2:1: error: unknown key 'listners', did you mean 'listeners'?",
                "f.yaml:4:16: error: listeners.a.address is '0.0.0.0', not an address and port "
                    + "such as 0.0.0.0:8080 or [::]:8080",
                "f.yaml:6:5: error: routes[0].auth is required",
                "f.yaml:6:29: error: routes[0].match.path is 'x': a path begins with '/'",
                "f.yaml:6:43: error: routes[0].upstream names the unknown upstream 'u'",
                "f.yaml:7:32: error: audit.origin is 'a b': no spaces, no '+', ASCII only",
                "f.yaml:7:52: error: audit.signing_key: /missing: open: no such file or directory "
                    + "(errno 2)",
            ])
    }

    @Test func `a file that cannot be read is one error`() throws {
        let files = try Fixture.files()
        do {
            _ = try Settings.load(path: "/none.yaml", files: files)
            Issue.record("an error was expected")
        } catch {
            #expect(
                error.description
                    == "/none.yaml:1:1: error: the file cannot be read: "
                    + "open: no such file or directory (errno 2)")
        }
    }
}
