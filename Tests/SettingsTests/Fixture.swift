import Crypto
import Settings

/// A small valid file, and the files that it names.
enum Fixture {
    static let valid = """
        version: 1
        listeners:
          public:
            address: 127.0.0.1:8080
            trusted_proxies: [10.0.0.0/8]
        issuers:
          corp:
            issuer: https://idp.example.com/
            audience: [https://api.example.com]
            jwks: {file: /keys.json}
        rate_limits:
          per_subject: {key: subject, rate: 100/s, burst: 200}
        upstreams:
          orders:
            endpoints: [http://10.0.1.5:9000]
        routes:
          - name: health
            match: {path: /healthz}
            auth: none
            respond: {status: 200, body: ok}
          - name: read
            match: {host: api.example.com, path: "/v1/{tenant}/orders/**", methods: [GET, HEAD]}
            auth: corp
            allow: {roles: [reader, admin]}
            rate_limit: per_subject
            upstream: orders
        audit:
          directory: /var/lib/sallyport/audit
          origin: api.example.com/ingress-1
          signing_key: /audit.pem

        """

    /// The valid file with TLS on both sides.
    static let secure =
        valid
        .replacing(
            "    trusted_proxies: [10.0.0.0/8]\n",
            with: """
                    tls:
                      certificates:
                        - {cert: /api.crt, key: /api.key}
                  redirect: {address: 127.0.0.1:8081, redirect_to_https: true}

                """
        )
        .replacing("http://10.0.1.5:9000", with: "https://orders.internal")
        .replacing("endpoints:", with: "tls: {ca: /upstream.pem}\n    endpoints:")

    static let keySet = """
        {"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
        """

    /// The named files: a usable key set and key, and some that are not.
    static func files(credentials: String? = "/credentials") throws -> SettingsFiles {
        let key = try SigningKey.generate().pem()
        let contents: [String: (bytes: [UInt8], permissions: UInt32)] = [
            "/keys.json": (Array(keySet.utf8), 0o644),
            "/etc/sallyport/jwks.json": (Array(keySet.utf8), 0o644),
            "/one-bad.json": (
                Array(keySet.replacing("]}", with: ",{\"kty\":\"oct\",\"k\":\"AA\"}]}").utf8), 0o644
            ),
            "/no-keys.json": (Array("{\"keys\":[]}".utf8), 0o644),
            "/not.json": (Array("{".utf8), 0o644),
            "/no-member.json": (Array("{}".utf8), 0o644),
            "/audit.pem": (key, 0o600),
            "/world.pem": (key, 0o644),
            "/group.pem": (key, 0o660),
            "/not.pem": (Array("hello".utf8), 0o600),
            "/credentials/audit-key": (key, 0o400),
            "/credentials/jwks": (Array(keySet.utf8), 0o400),
        ]
        return SettingsFiles(credentialsDirectory: credentials) { path, limit in
            guard let content = contents[path] else {
                return .failure(.unreadable("open: no such file or directory (errno 2)"))
            }
            guard content.bytes.count <= limit else {
                return .failure(.tooLarge(limitBytes: limit))
            }
            return .success(
                SettingsFiles.FileContent(
                    bytes: content.bytes, permissions: content.permissions))
        }
    }

    static func parse(_ text: String, credentials: String? = "/credentials") throws -> Settings {
        try Settings.parse(
            Array(text.utf8), name: "f.yaml", files: files(credentials: credentials))
    }

    /// Errors of `text`, one per line; empty when there are none.
    static func errors(_ text: String, credentials: String? = "/credentials") throws -> [String] {
        do {
            _ = try parse(text, credentials: credentials)
            return []
        } catch let error as SettingsError {
            return error.errors.map(\.description)
        }
    }
}
