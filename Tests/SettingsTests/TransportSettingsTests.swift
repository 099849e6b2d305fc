import Settings
import TLS
import Testing
import Upstream

@Suite struct TransportSettingsTests {
    /// The listener `public` of the secure file with `lines` added to its section `tls`.
    private func listener(_ lines: String...) throws -> ListenerSettings {
        let added = lines.map { "      \($0)\n" }.joined()
        let text = Fixture.secure.replacing("    tls:\n", with: "    tls:\n\(added)")
        return try Fixture.parse(text).listeners[0]
    }

    /// The TLS settings of the upstream of the secure file with this section `tls`.
    private func upstream(_ section: String) throws -> TLSClientSettings? {
        try Fixture.parse(Fixture.secure.replacing("{ca: /upstream.pem}", with: section))
            .upstreamTLS[0]
    }

    @Test func `a listener with a certificate has every default`() throws {
        let listener = try Fixture.parse(Fixture.secure).listeners[0]
        let tls = TLSServerSettings(certificates: [
            CertificateFiles(certificate: "/api.crt", key: "/api.key")
        ])
        #expect(listener.tls == tls)
        #expect(tls.minimumVersion == .tls12)
        #expect(tls.clientAuthentication == .off)
        #expect(tls.handshakeMilliseconds == 10_000)
        #expect(listener.strictTransport == StrictTransportSettings())
        #expect(listener.redirectsToHTTPS == nil)
    }

    @Test func `a listener without tls says nothing of it`() throws {
        let settings = try Fixture.parse(Fixture.valid)
        #expect(settings.listeners[0].tls == nil)
        #expect(settings.listeners[0].strictTransport == nil)
        #expect(settings.upstreamTLS == [nil])
        #expect(!settings.upstreams[0].isSecure)
    }

    @Test func `every key of a listener's tls is read`() throws {
        let text = Fixture.secure.replacing(
            "        - {cert: /api.crt, key: /api.key}\n",
            with: """
                        - {cert: /api.crt, key: "credential:api-key", ocsp: /api.ocsp}
                        - {cert: "file:/b.crt", key: /b.key}
                      min_version: "1.3"
                      client_ca: /clients.pem
                      client_crl: /clients.crl
                      client_auth: require
                      client_verify_depth: 1
                      unknown_server_name: refuse
                      handshake_timeout: 3s
                      session_tickets: {lifetime: 2h, rotate: 30m}
                      hsts: {max_age: 730d, include_subdomains: true, preload: true}
                      kernel_tls: off

                """)
        let listener = try Fixture.parse(text).listeners[0]
        var tls = TLSServerSettings(certificates: [
            CertificateFiles(
                certificate: "/api.crt", key: "/credentials/api-key", ocsp: "/api.ocsp"),
            CertificateFiles(certificate: "/b.crt", key: "/b.key"),
        ])
        tls.minimumVersion = .tls13
        tls.clientAuthorities = "/clients.pem"
        tls.clientRevocations = "/clients.crl"
        tls.clientAuthentication = .require
        tls.clientVerificationDepth = 1
        tls.unknownServerName = .refuse
        tls.handshakeMilliseconds = 3000
        tls.tickets.lifetimeSeconds = 7200
        tls.tickets.rotationSeconds = 1800
        tls.kernelTLS = .off
        #expect(listener.tls == tls)
        let field = listener.strictTransport?.fieldLine ?? []
        #expect(
            String(decoding: field, as: UTF8.self)
                == "Strict-Transport-Security: max-age=63072000; includeSubDomains; preload\r\n")
    }

    @Test(arguments: ["1.2", "\"1.2\"", "'1.2'"])
    func `a version is text or the number`(text: String) throws {
        #expect(try listener("min_version: \(text)").tls?.minimumVersion == .tls12)
        #expect(try upstream("{min_version: \(text)}")?.minimumVersion == .tls12)
        #expect(try listener("min_version: 1.3").tls?.minimumVersion == .tls13)
    }

    @Test func `what is on by default can be turned off`() throws {
        let listener = try listener(
            "session_tickets: off", "hsts: off", "kernel_tls: off", "client_auth: off")
        #expect(listener.tls?.tickets.isEnabled == false)
        #expect(listener.strictTransport == nil)
        #expect(listener.tls?.kernelTLS == .off)
        #expect(listener.tls?.clientAuthentication == .off)
    }

    @Test func `clients may show certificates`() throws {
        let tls = try listener("client_ca: /clients.pem", "client_auth: optional").tls
        #expect(tls?.clientAuthentication == .optional)
        #expect(tls?.clientAuthorities == "/clients.pem")
        #expect(tls?.clientRevocations == nil)
    }

    @Test func `ticket keys change three times in a lifetime unless it says otherwise`() throws {
        let tickets = try listener("session_tickets: {lifetime: 90m}").tls?.tickets
        #expect(tickets?.lifetimeSeconds == 5400)
        #expect(tickets?.rotationSeconds == 1800)
        let defaults = try listener("session_tickets: {}").tls?.tickets
        #expect(defaults == SessionTicketSettings())
    }

    @Test func `hsts can be taken back`() throws {
        let transport = try listener("hsts: {max_age: 0s}").strictTransport
        #expect(
            transport?.fieldLine == Array("Strict-Transport-Security: max-age=0\r\n".utf8))
        #expect(
            StrictTransportSettings().fieldLine
                == Array("Strict-Transport-Security: max-age=31536000\r\n".utf8))
    }

    @Test func `a redirect leads to the only listener with tls, or to a port`() throws {
        let settings = try Fixture.parse(Fixture.secure)
        #expect(settings.listeners[1].redirectsToHTTPS == .listener(0))
        #expect(settings.listeners[1].tls == nil)
        let port = Fixture.secure.replacing(
            "redirect_to_https: true", with: "redirect_to_https: 443")
        #expect(try Fixture.parse(port).listeners[1].redirectsToHTTPS == .port(443))
    }

    @Test func `https endpoints have TLS and the port 443`() throws {
        let settings = try Fixture.parse(
            Fixture.secure.replacing("    tls: {ca: /upstream.pem}\n", with: ""))
        #expect(settings.upstreams[0].isSecure)
        #expect(
            settings.upstreams[0].endpoints == [
                EndpointSettings(host: "orders.internal", port: 443)
            ])
        #expect(settings.upstreamTLS == [TLSClientSettings()])
        #expect(settings.recordNames.endpoints == [["orders.internal:443"]])
    }

    @Test func `every key of an upstream's tls is read`() throws {
        let read = try upstream(
            """
            {ca: /upstream.pem, server_name: orders.example.com, min_version: "1.3",
                  client_certificate: {cert: /me.crt, key: "credential:me"},
                  accept_any_certificate: false}
            """)
        var tls = TLSClientSettings()
        tls.authorities = "/upstream.pem"
        tls.serverName = "orders.example.com"
        tls.minimumVersion = .tls13
        tls.certificate = CertificateFiles(certificate: "/me.crt", key: "/credentials/me")
        #expect(read == tls)
    }

    @Test func `not to verify an upstream is warned of`() throws {
        let text = Fixture.secure.replacing(
            "{ca: /upstream.pem}", with: "{accept_any_certificate: true}")
        let settings = try Fixture.parse(text)
        #expect(settings.upstreamTLS[0]?.acceptsAnyCertificate == true)
        #expect(
            settings.warnings.map(\.description) == [
                "f.yaml:18:35: warning: upstreams.orders.tls.accept_any_certificate is true: "
                    + "whoever answers at an endpoint's address gets every request, credentials "
                    + "included"
            ])
    }

    @Test(arguments: ["0.0.0.0:80", "192.0.2.1:80", "\"[::]:80\"", "\"[2001:db8::1]:80\""])
    func `credentials in the clear are warned of`(address: String) throws {
        let text = Fixture.valid.replacing("127.0.0.1:8080", with: address)
        let warnings = try Fixture.parse(text).warnings.map(\.message)
        #expect(
            warnings == [
                "listeners.public has no tls, and other machines reach it: whoever listens on the "
                    + "way reads the credentials that routes demand"
            ])
        let open = text.replacing("auth: corp", with: "auth: none")
            .replacing("    allow: {roles: [reader, admin]}\n", with: "")
            .replacing("    rate_limit: per_subject\n", with: "")
        let others = try Fixture.parse(open).warnings.map(\.message)
        #expect(!others.contains { $0.contains("has no tls") })
    }

    @Test(arguments: ["127.0.0.1:80", "127.8.0.1:80", "\"[::1]:80\"", "\"[::ffff:127.0.0.1]:80\""])
    func `credentials on this machine alone are not`(address: String) throws {
        let text = Fixture.valid.replacing("127.0.0.1:8080", with: address)
        #expect(try Fixture.parse(text).warnings == [])
    }

    @Test func `a listener that only redirects wants no credentials`() throws {
        let text = Fixture.secure.replacing("127.0.0.1:8081", with: "0.0.0.0:8081")
        #expect(try Fixture.parse(text).warnings == [])
    }
}
