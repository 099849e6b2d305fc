import Settings
import Testing

/// One change to the valid file, and what is said about it.
struct Refusal: CustomTestStringConvertible, Sendable {
    var from: String
    var to: String
    var error: String

    init(_ from: String, _ to: String, _ error: String) {
        self.from = from
        self.to = to
        self.error = error
    }

    var testDescription: String { to }

    /// Expects that the change is refused, with this one error.
    func check() throws {
        #expect(Fixture.valid.contains(from))
        let errors = try Fixture.errors(Fixture.valid.replacing(from, with: to))
        #expect(errors.count == 1)
        #expect(errors.first?.contains("error: \(error)") == true, "\(errors)")
    }
}

@Suite struct SettingsRefusalTests {
    @Test(arguments: [
        Refusal("version: 1\n", "", "version is required"),
        Refusal("version: 1", "version: one", "version is 'one', this program reads version 1"),
        Refusal("version: 1", "version: 1\nworkers: 0", "workers is 0, limits 1 to 512"),
        Refusal("version: 1", "version: 1\nworkers: x", "workers must be a whole number, not 'x'"),
        Refusal("version: 1", "version: 1\nroutess: 1", "unknown key 'routess', did you mean"),
        Refusal("version: 1", "version: 1\nzzz: 1", "unknown key 'zzz'"),
        Refusal("version: 1", "version: 1\nmetrics: {}", "metrics.address is required"),
        Refusal(
            "version: 1", "version: 1\nmetrics: {address: 127.0.0.1:8080}",
            "metrics.address is the address of a listener: give it its own"),
        Refusal(
            "version: 1", "version: 1\nmetrics: {address: localhost:1}",
            "metrics.address: 'localhost' is not an address literal"),
        Refusal("version: 1", "version: 1\nadmin: {}", "admin.socket is required"),
        Refusal(
            "version: 1", "version: 1\nadmin: {socket: run/admin.sock}",
            "admin.socket is 'run/admin.sock', not an absolute path"),
        Refusal(
            "version: 1", "version: 1\nadmin: {socket: /\(String(repeating: "a", count: 107))}",
            "admin.socket is 108 bytes, limit 107"),
        Refusal(
            "version: 1", "version: 1\nadmin: {socket: /a, group: wheel}",
            "admin.group must be a whole number, not 'wheel'"),
        Refusal(
            "version: 1", "version: 1\npolicies: {}", "policies is not supported in this version"),
        Refusal(
            "127.0.0.1:8080", "localhost:8080",
            "listeners.public.address: 'localhost' is not an address literal"),
        Refusal("127.0.0.1:8080", "127.0.0.1:70000", "listeners.public.address is"),
        Refusal("127.0.0.1:8080", "\"::1:80\"", "listeners.public.address is '::1:80', not"),
        Refusal("address: 127.0.0.1:8080", "address:", "listeners.public.address must be text"),
        Refusal("    address: 127.0.0.1:8080\n", "", "listeners.public.address is required"),
        Refusal(
            "10.0.0.0/8", "10.0.0.0/33",
            "listeners.public.trusted_proxies[0] is '10.0.0.0/33', not an address or block"),
        Refusal("[10.0.0.0/8]", "[corp.net]", "listeners.public.trusted_proxies[0] is 'corp.net'"),
        Refusal(
            "trusted_proxies: [10.0.0.0/8]", "proxy_protocol: off",
            "listeners.public.proxy_protocol is not supported in this version"),
        Refusal(
            "trusted_proxies: [10.0.0.0/8]", "socket: systemd:x",
            "listeners.public.socket: give an address, or a socket that systemd opens, not both"),
        Refusal(
            "  public:\n", "  b: {address: 127.0.0.1:8080}\n  public:\n",
            "listeners.public has the address of an earlier listener"),
        Refusal("  public:", "  pub lic:", "name 'pub lic' in listeners: a name has"),
    ])
    func `listeners and the file itself`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test(arguments: [
        Refusal(
            "    issuer: https://idp.example.com/\n", "", "issuers.corp.issuer is required"),
        Refusal(
            "    audience: [https://api.example.com]\n", "", "issuers.corp.audience is required"),
        Refusal(
            "audience: [https://api.example.com]", "audience: []",
            "issuers.corp.audience is an empty list"),
        Refusal("    jwks: {file: /keys.json}\n", "", "issuers.corp.jwks is required"),
        Refusal("{file: /keys.json}", "{}", "issuers.corp.jwks.file is required"),
        Refusal(
            "{file: /keys.json}", "{file: /keys.json, refresh: 10m}",
            "issuers.corp.jwks.refresh is not supported in this version"),
        Refusal("/keys.json", "/none.json", "issuers.corp.jwks.file: /none.json: open: no such"),
        Refusal("/keys.json", "/not.json", "issuers.corp.jwks.file: /not.json is not a JWK set"),
        Refusal(
            "/keys.json", "/no-member.json",
            "issuers.corp.jwks.file: /no-member.json is not a JWK set: no array 'keys'"),
        Refusal(
            "/keys.json", "/no-keys.json",
            "issuers.corp.jwks.file: /no-keys.json holds no usable key"),
        Refusal(
            "jwks:", "algorithms: [HS256]\n    jwks:",
            "issuers.corp.algorithms[0] is HS256: only signatures with a public key"),
        Refusal(
            "jwks:", "algorithms: [none]\n    jwks:", "issuers.corp.algorithms[0] is none: only"),
        Refusal(
            "jwks:", "algorithms: [ES265]\n    jwks:",
            "issuers.corp.algorithms[0] is 'ES265', not one of"),
        Refusal(
            "jwks:", "token_type: jwt\n    jwks:",
            "issuers.corp.token_type is 'jwt', not one of at+jwt, any"),
        Refusal(
            "jwks:", "max_age: 3600\n    jwks:",
            "issuers.corp.max_age is '3600' without a unit, one of ms, s, m, h, d"),
        Refusal(
            "jwks:", "max_age: 1ms\n    jwks:", "issuers.corp.max_age is 1ms, limits 1s to 365d"),
        Refusal(
            "jwks:", "clock_skew: 1h\n    jwks:", "issuers.corp.clock_skew is 1h, limits 0ms to 5m"),
        Refusal(
            "jwks:", "claims: {roles: a..b}\n    jwks:",
            "issuers.corp.claims.roles is 'a..b', not 1 to 8 names joined by dots"),
        Refusal(
            "jwks:", "replay: jti\n    jwks:", "issuers.corp.replay is not supported"),
        Refusal(
            "jwks:", "introspection: {}\n    jwks:", "issuers.corp.introspection is not supported"),
        Refusal(
            "jwks:", "sender_constraint: when_bound\n    jwks:",
            "issuers.corp.sender_constraint is not supported"),
        Refusal(
            "rate_limits:",
            "  two:\n    issuer: https://idp.example.com/\n    audience: a\n"
                + "    jwks: {file: /keys.json}\nrate_limits:",
            "issuers.two has the same issuer as issuers.corp"),
    ])
    func `issuers`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test(arguments: [
        Refusal("key: subject, ", "", "rate_limits.per_subject.key is required"),
        Refusal("key: subject", "key: subjet", "rate_limits.per_subject.key is 'subjet', not one"),
        Refusal("rate: 100/s", "rate: 100", "rate_limits.per_subject.rate is '100' without a time"),
        Refusal(
            "rate: 100/s", "rate: 100/w", "rate_limits.per_subject.rate is '100/w', not a rate"),
        Refusal("rate: 100/s", "rate: 0/s", "rate_limits.per_subject.rate is 0/s, which would let"),
        Refusal(
            "rate: 100/s", "rate: 5000000000/s", "rate_limits.per_subject.rate is 5000000000/s"),
        Refusal("burst: 200", "burst: 0", "rate_limits.per_subject.burst is 0, limits 1 to"),
        Refusal(
            "rate: 100/s, burst: 200", "rate: 1/d, burst: 400",
            "rate_limits.per_subject: a burst of 400 takes longer than 366d to come back"),
        Refusal("[http://10.0.1.5:9000]", "[]", "upstreams.orders.endpoints is an empty list"),
        Refusal(
            "    endpoints: [http://10.0.1.5:9000]", "    balance: round_robin",
            "upstreams.orders.endpoints is required"),
        Refusal("http://10.0.1.5:9000", "10.0.1.5:9000", "upstreams.orders.endpoints[0] is"),
        Refusal(
            "http://10.0.1.5:9000", "http://10.0.1.5/api",
            "upstreams.orders.endpoints[0] is 'http://10.0.1.5/api': an endpoint is a host and"),
        Refusal("http://10.0.1.5:9000", "http://a b", "upstreams.orders.endpoints[0] is"),
        Refusal("http://10.0.1.5:9000", "http://h:0", "upstreams.orders.endpoints[0] is"),
        Refusal(
            "    endpoints:", "    balance: least_requests\n    endpoints:",
            "upstreams.orders.balance: least_requests is not supported in this version"),
        Refusal(
            "    endpoints:", "    health: {}\n    endpoints:",
            "upstreams.orders.health is not supported in this version"),
        Refusal(
            "    endpoints:", "    timeouts: {connect: 90m}\n    endpoints:",
            "upstreams.orders.timeouts.connect is 90m, limits 10ms to 1m"),
        Refusal(
            "    endpoints:", "    timeouts: {conect: 1s}\n    endpoints:",
            "unknown key 'conect' in upstreams.orders.timeouts, did you mean 'connect'?"),
        Refusal(
            "    endpoints:", "    retries: {attempts: 11}\n    endpoints:",
            "upstreams.orders.retries.attempts is 11, limits 0 to 10"),
    ])
    func `rate limits and upstreams`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test(arguments: [
        Refusal("    auth: none\n", "", "routes[0].auth is required"),
        Refusal("auth: corp", "auth: crop", "routes[1].auth names the unknown issuer 'crop', did"),
        Refusal("auth: corp", "auth: [corp, none]", "routes[1].auth[1]: none stands alone"),
        Refusal("auth: corp", "auth: []", "routes[1].auth is an empty list"),
        Refusal("auth: corp", "auth:", "routes[1].auth is empty"),
        Refusal(
            "rate_limit: per_subject", "rate_limit: per_subjct",
            "routes[1].rate_limit names the unknown rate limit 'per_subjct', did you mean"),
        Refusal(
            "rate_limit: per_subject", "rate_limit: [per_subject, per_subject]",
            "routes[1].rate_limit[1] names 'per_subject' again"),
        Refusal(
            "auth: none", "auth: none\n    rate_limit: per_subject",
            "routes[0].rate_limit: 'per_subject' counts by subject, but auth is none"),
        Refusal(
            "auth: none", "auth: none\n    allow: {roles: [reader]}",
            "routes[0].allow needs to know who asks, but auth is none"),
        Refusal("upstream: orders", "upstream: order", "routes[1].upstream names the unknown"),
        Refusal("    upstream: orders\n", "", "routes[1] needs upstream or respond"),
        Refusal(
            "upstream: orders", "upstream: orders\n    respond: {}",
            "routes[1] has both upstream and respond"),
        Refusal("name: read", "name: health", "route 'health' has the name of the route in line"),
        Refusal("name: read", "name: re/ad", "routes[1].name is 're/ad': a name has"),
        Refusal("path: /healthz", "host: h", "routes[0].match.path is required"),
        Refusal("path: /healthz", "path: /a//b", "routes[0].match.path is '/a//b': an empty"),
        Refusal("host: api.example.com", "host: 'a b'", "routes[1].match.host is 'a b': not a"),
        Refusal("[GET, HEAD]", "[get]", "routes[1].match.methods[0] is 'get', did you mean 'GET'?"),
        Refusal("[GET, HEAD]", "[CONNECT]", "routes[1].match.methods[0]: CONNECT is never"),
        Refusal("[GET, HEAD]", "['A B']", "routes[1].match.methods[0] is 'A B', not a method"),
        Refusal("[GET, HEAD]", "[]", "routes[1].match.methods is an empty list"),
        Refusal("{roles: [reader, admin]}", "{roles: []}", "routes[1].allow.roles is an empty"),
        Refusal("{roles: [reader, admin]}", "{}", "routes[1].allow demands nothing: write roles"),
        Refusal(
            "{roles: [reader, admin]}", "{roles: [reader], when: x}",
            "routes[1].allow.when is not supported in this version"),
        Refusal(
            "version: 1\n", "version: 1\nroles: [reader, admn]\n",
            "routes[1].allow.roles[1] names the unknown role 'admin', did you mean 'admn'?"),
        Refusal("status: 200", "status: 99", "routes[0].respond.status is 99, limits 200 to 599"),
        Refusal("status: 200", "status: 204", "routes[0].respond.body: a response of 204 has no"),
        Refusal(
            "upstream: orders", "upstream: orders\n    audit: {mode: strickt}",
            "routes[1].audit.mode is 'strickt', not one of strict, bounded, best_effort, did you"),
        Refusal(
            "upstream: orders", "upstream: orders\n    audit: {level: header}",
            "routes[1].audit.level is 'header', not one of none, metadata, headers, body_hash"),
        Refusal(
            "upstream: orders", "upstream: orders\n    rewrite: /x",
            "routes[1].rewrite is not supported in this version"),
        Refusal(
            "upstream: orders", "upstream: orders\n    upstreem: x",
            "unknown key 'upstreem' in routes[1], did you mean 'upstream'?"),
    ])
    func `routes`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test(arguments: [
        Refusal(
            "upstream: orders", "request_headers: {set: {Host: x}}\n    upstream: orders",
            "routes[1].request_headers.set: 'Host' is written by the proxy itself"),
        Refusal(
            "upstream: orders", "request_headers: {remove: [Content-Length]}\n    upstream: orders",
            "routes[1].request_headers.remove[0]: 'Content-Length' is written by the proxy itself"),
        Refusal(
            "upstream: orders", "request_headers: {set: {'A B': x}}\n    upstream: orders",
            "routes[1].request_headers.set: 'A B' is not a field name"),
        Refusal(
            "upstream: orders", "request_headers: {set: {A: \"x\\ny\"}}\n    upstream: orders",
            "routes[1].request_headers.set.A holds a control character"),
        Refusal(
            "upstream: orders", "request_headers: {set: {A: $x}}\n    upstream: orders",
            "routes[1].request_headers.set.A: '$' begins ${name}"),
        Refusal(
            "upstream: orders",
            "request_headers: {set: {A: '${identity.subjct}'}}\n    upstream: orders",
            "routes[1].request_headers.set.A: unknown ${identity.subjct}, did you mean"),
        Refusal(
            "upstream: orders",
            "request_headers: {set: {A: '${identity.claims.x}'}}\n    upstream: orders",
            "routes[1].request_headers.set.A: ${identity.claims.x} is not supported"),
        Refusal(
            "upstream: orders",
            "request_headers: {set: {A: '${zzzzzzzzzz}'}}\n    upstream: orders",
            "routes[1].request_headers.set.A: unknown ${zzzzzzzzzz}, one of identity.subject"),
        Refusal(
            "upstream: orders", "request_headers: {set: {A: x, a: y}}\n    upstream: orders",
            "routes[1].request_headers.set sets 'a' twice"),
        Refusal(
            "respond: {status: 200, body: ok}",
            "request_headers: {set: {A: '${identity.subject}'}}\n    upstream: orders",
            "routes[0].request_headers.set.A: ${identity.subject} is nobody"),
        Refusal(
            "respond: {status: 200, body: ok}", "request_headers: {remove: [A]}\n    respond: {}",
            "routes[0].request_headers changes a forwarded request"),
    ])
    func `request fields`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test(arguments: [
        Refusal("  directory: /var/lib/sallyport/audit\n", "", "audit.directory is required"),
        Refusal("  origin: api.example.com/ingress-1\n", "", "audit.origin is required"),
        Refusal("api.example.com/ingress-1", "a+b", "audit.origin is 'a+b': no spaces"),
        Refusal("  signing_key: /audit.pem\n", "", "audit.signing_key is required"),
        Refusal(
            "/audit.pem", "/world.pem",
            "audit.signing_key: /world.pem has mode 0644, so that every user of this machine can"),
        Refusal("/audit.pem", "/not.pem", "audit.signing_key: /not.pem is not an unencrypted"),
        Refusal("/audit.pem", "env:KEY", "audit.signing_key: env: is not supported"),
        Refusal("/audit.pem", "credential:a/b", "audit.signing_key is 'credential:a/b', not"),
        Refusal("/audit.pem", "\"credential:..\"", "audit.signing_key is 'credential:..', not"),
        Refusal("/audit.pem", "credential:none", "audit.signing_key: /credentials/none: open"),
        Refusal("/audit.pem", "'-----BEGIN PRIVATE KEY-----'", "audit.signing_key holds a key"),
        Refusal(
            "/audit.pem", "/audit.pem\n  commit_timeout: 5ms",
            "audit.commit_timeout is 5ms, limits 10ms to 1m"),
        Refusal("/audit.pem", "/audit.pem\n  mode: bound", "audit.mode is 'bound', not one of"),
        Refusal("/audit.pem", "/audit.pem\n  recipients: []", "audit.recipients is an empty list"),
        Refusal(
            "/audit.pem", "/audit.pem\n  recipients: [a]",
            "audit.recipients[0] is 'a', not an age recipient of an X25519 key"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {subject: pseudonim}",
            "audit.privacy.subject is 'pseudonim', not one of plain, pseudonym, sealed"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {client_ip: hidden}",
            "audit.privacy.client_ip is 'hidden', not one of full"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {subject: sealed, key_rotation: 1m}",
            "audit.privacy.key_rotation is 1m, limits 1h to 3660d"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {key_rotation: 1d}",
            "audit.privacy.key_rotation is of no use"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {subject: sealed, keyring_key: /audit.pem}",
            "audit.privacy.keyring_key: /audit.pem is not a key of 64 hexadecimal digits"),
        Refusal(
            "/audit.pem", "/audit.pem\n  privacy: {subjects: sealed}",
            "unknown key 'subjects' in audit.privacy, did you mean 'subject'"),
        Refusal("/audit.pem", "/audit.pem\n  export: []", "audit.export is not supported"),
        Refusal("/audit.pem", "/audit.pem\n  ring: 3MiB", "audit.ring is '3MiB', not a power of"),
        Refusal("/audit.pem", "/audit.pem\n  ring: 1KiB", "audit.ring is 1KiB, limits 128KiB to"),
        Refusal(
            "/audit.pem", "/audit.pem\n  rotate: {size: 1}", "audit.rotate.size is '1' without"),
        Refusal("/audit.pem", "/audit.pem\n  rotate: {size: 1zb}", "audit.rotate.size must be a"),
        Refusal(
            "/audit.pem", "/audit.pem\n  rotate: {size: 99999999999TiB}",
            "audit.rotate.size is '99999999999TiB', limit 64GiB"),
        Refusal(
            "/audit.pem", "/audit.pem\n  checkpoint: {}",
            "audit.checkpoint must be a duration such as 10s, not a mapping"),
        Refusal("version: 1", "version: 1\nlimits: {head: 1MiB}", "limits.head is 1MiB, limits"),
        Refusal(
            "version: 1", "version: 1\nlimits: {request_line: 32KiB}",
            "limits.request_line is 32KiB, more than limits.head"),
        Refusal(
            "version: 1", "version: 1\nlimits: {fields: '50'}", "limits.fields must be a whole"),
        Refusal("version: 1", "version: 1\nlimits: []", "limits must be a mapping, not a list"),
    ])
    func `the log and the limits`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test func `a credential needs the folder of credentials`() throws {
        let text = Fixture.valid.replacing("/audit.pem", with: "credential:audit-key")
        let errors = try Fixture.errors(text, credentials: nil)
        #expect(errors.count == 1)
        #expect(errors[0].contains("CREDENTIALS_DIRECTORY is not set"))
        #expect(try Fixture.errors(text).isEmpty)
    }

    @Test func `what is allowed but hardly meant is warned of`() throws {
        let text = Fixture.valid
            .replacing("10.0.0.0/8", with: "0.0.0.0/0")
            .replacing("/keys.json", with: "/one-bad.json")
            .replacing("/audit.pem", with: "/group.pem")
            .replacing("    rate_limit: per_subject\n", with: "")
            .replacing(
                "audit:\n",
                with: """
                      - name: late
                        match: {path: /healthz, methods: [GETT]}
                        auth: corp
                        upstream: orders
                    audit:

                    """)
        let warnings = try Fixture.parse(text).warnings.map(\.description)
        #expect(
            warnings == [
                "f.yaml:5:23: warning: listeners.public.trusted_proxies[0] is 0.0.0.0/0: every "
                    + "client may say who it is",
                "f.yaml:10:18: warning: issuers.corp.jwks.file: key 1 is not used: its kty is not "
                    + "RSA, EC or OKP",
                "f.yaml:12:16: warning: rate_limits.per_subject is used by no route",
                "f.yaml:26:5: warning: route 'late' is never reached: 'health' in line 17 matches "
                    + "all that it does",
                "f.yaml:27:39: warning: routes[2].match.methods[0] is the unusual method GETT, did "
                    + "you mean GET?",
                "f.yaml:33:16: warning: audit.signing_key: /group.pem has mode 0660: its group can "
                    + "change it",
            ])
    }
}
