import Crypto
import LinuxIO
import Primitives

/// What the demonstration keeps in its folder: keys, certificates, a key set, three tokens, the
/// settings.
struct DemoFiles {
    /// One of the demonstration's users.
    struct User {
        let name: String
        let roles: [String]
        /// The file with the user's token.
        var file: String { "\(name).token" }
    }

    static let admin = User(name: "admin", roles: ["admin", "reader"])
    static let reader = User(name: "reader", roles: ["reader"])
    static let nobody = User(name: "nobody", roles: [])
    private static let users = [admin, reader, nobody]
    private static let issuer = "https://idp.demo.example/"
    private static let audience = "https://api.demo.example"
    private static let tokenSeconds: Int64 = 24 * 3600

    let directory: String

    var settings: String { "\(directory)/sallyport.yaml" }
    var log: String { "\(directory)/audit" }

    /// Makes what is missing; keys that are there are kept, so that the log goes on.
    func write(ports: DemoPorts, upstream: SocketAddress) throws(DemoError) {
        do {
            let folder = try DurableDirectory.create(path: directory)
            try DemoCertificates(directory: directory).write(folder)
            _ = try key("audit-key.pem", folder)
            let issuerKey = try key("issuer-key.pem", folder)
            try folder.replace("jwks.json", keySet(issuerKey.publicKey).span)
            for user in DemoFiles.users {
                try folder.replace(user.file, Array(try token(user, issuerKey).utf8).span)
            }
            try folder.replace(
                "sallyport.yaml", Array(yaml(ports: ports, upstream: upstream).utf8).span)
        } catch let error as SystemError {
            throw .folder(directory, error)
        } catch {
            throw .keys(directory)
        }
    }

    private func key(
        _ name: String, _ folder: borrowing DurableDirectory
    ) throws -> SigningKey {
        if let pem = try folder.read(name) { return try SigningKey(pem: pem) }
        let key = try SigningKey.generate()
        try FileReading.create("\(directory)/\(name)", bytes: try key.pem(), mode: 0o600)
        return key
    }

    private func keySet(_ publicKey: [UInt8]) -> [UInt8] {
        let key = JSONValue.object([
            ("kty", .text("OKP")), ("crv", .text("Ed25519")), ("kid", .text("demo")),
            ("use", .text("sig")), ("x", .text(Base64URL.encode(publicKey.span))),
        ])
        return Array(JSONValue.object([("keys", .list([key]))]).line.utf8)
    }

    /// An access token as RFC 9068 has it, signed by the demonstration's issuer.
    private func token(_ user: User, _ key: borrowing SigningKey) throws -> String {
        let now = SystemClock.wall().seconds
        let header = JSONValue.object([
            ("alg", .text("EdDSA")), ("kid", .text("demo")), ("typ", .text("at+jwt")),
        ])
        let claims = JSONValue.object([
            ("iss", .text(DemoFiles.issuer)), ("aud", .text(DemoFiles.audience)),
            ("sub", .text(user.name)), ("client_id", .text("demo")),
            ("iat", .number(now)), ("exp", .number(now + DemoFiles.tokenSeconds)),
            ("jti", .text("\(user.name)-\(now)")), ("roles", .texts(user.roles)),
        ])
        let signed =
            Base64URL.encode(Array(header.line.utf8).span) + "."
            + Base64URL.encode(Array(claims.line.utf8).span)
        let signature = try key.sign(Array(signed.utf8).span)
        return signed + "." + Base64URL.encode(signature.span)
    }

    private func yaml(ports: DemoPorts, upstream: SocketAddress) -> String {
        let server = DemoCertificates.server
        return """
            # Written anew by `sallyport demo`. `sallyport check` says what it means.
            version: 1

            listeners:
              demo:
                address: "127.0.0.1:\(ports.secure)"
                tls:
                  certificates:
                    - cert: "\(directory)/\(server.certificate)"
                      key: "\(directory)/\(server.key)"
                  client_ca: "\(directory)/\(DemoCertificates.authority.certificate)"
                  client_auth: optional   # a certificate may be shown; routes say who needs one
              plain:
                address: "127.0.0.1:\(ports.plain)"
                redirect_to_https: true

            issuers:
              demo:
                issuer: \(DemoFiles.issuer)
                audience: [\(DemoFiles.audience)]
                algorithms: [EdDSA]
                jwks: {file: "\(directory)/jwks.json"}

            rate_limits:
              reports: {key: subject, rate: 12/m, burst: 5}

            upstreams:
              demo: {endpoints: ["http://\(upstream)"]}

            routes:                       # first match wins; no match is a 404, recorded
              - name: health
                match: {path: /healthz}
                auth: none
                respond: {status: 200, body: ok}
              - name: orders-read
                match: {path: "/orders/**", methods: [GET, HEAD]}
                auth: demo
                allow: {roles: [reader, admin]}
                upstream: demo
                request_headers: {set: {X-User: "${identity.subject}"}, remove: [Authorization]}
              - name: orders-write
                match: {path: "/orders/**", methods: [POST, PUT, DELETE]}
                auth: demo
                allow: {roles: [admin]}
                upstream: demo
                request_headers: {set: {X-User: "${identity.subject}"}, remove: [Authorization]}
              - name: stock               # no token: the certificate says who is asking
                match: {path: "/stock/**", methods: [GET, HEAD]}
                auth: client_certificate
                allow: {certificate: {uri: "spiffe://demo.example/*"}}
                upstream: demo
                request_headers: {set: {X-User: "${identity.subject}"}}
              - name: reports
                match: {path: "/reports/**", methods: [GET]}
                auth: demo
                allow: {roles: [reader, admin]}
                rate_limit: reports
                upstream: demo
                request_headers: {set: {X-User: "${identity.subject}"}, remove: [Authorization]}

            audit:
              directory: "\(directory)/audit"
              origin: demo.example/sallyport
              signing_key: "file:\(directory)/audit-key.pem"

            """
    }
}

/// Where the demonstration listens.
struct DemoPorts {
    /// Over TLS.
    let secure: UInt16
    /// In the clear, which leads to TLS.
    let plain: UInt16
}

/// Why the demonstration can't be shown.
enum DemoError: Error, CustomStringConvertible {
    case folder(String, SystemError)
    case keys(String)
    case upstream(SystemError)
    case portsTaken(from: UInt16, to: UInt16)

    var description: String {
        switch self {
        case .folder(let folder, let error): "\(folder) can't be written: \(error)"
        case .keys(let folder): "the keys in \(folder) can't be used; remove the folder"
        case .upstream(let error): "the demonstration's upstream can't be started: \(error)"
        case .portsTaken(let first, let last): "ports \(first) to \(last) are all taken"
        }
    }
}
