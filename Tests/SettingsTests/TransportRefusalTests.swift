import Settings
import Testing

@Suite struct TransportRefusalTests {
    /// What one line, added to a listener's section `tls`, is refused with.
    struct Line: CustomTestStringConvertible, Sendable {
        var text: String
        var error: String

        init(_ text: String, _ error: String) {
            self.text = text
            self.error = error
        }

        var testDescription: String { text }
    }

    private func check(_ from: String, _ to: String, _ error: String) throws {
        #expect(Fixture.secure.contains(from))
        let errors = try Fixture.errors(Fixture.secure.replacing(from, with: to))
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains("error: \(error)") == true, "\(errors)")
    }

    @Test(arguments: [
        Line("min_version: 1.0", "listeners.public.tls.min_version is 1.0: attacks on TLS 1.0"),
        Line("min_version: \"1.1\"", "listeners.public.tls.min_version is 1.1: attacks on TLS 1.0"),
        Line("min_version: 1.4", "listeners.public.tls.min_version is '1.4', not one of 1.2, 1.3"),
        Line("min_version: []", "listeners.public.tls.min_version must be one of 1.2, 1.3, not a"),
        Line("min_verson: 1.2", "unknown key 'min_verson' in listeners.public.tls, did you mean"),
        Line("ciphers: ALL", "unknown key 'ciphers' in listeners.public.tls"),
        Line("client_auth: optional", "listeners.public.tls.client_auth is optional, but"),
        Line("client_auth: require", "listeners.public.tls.client_auth is require, but"),
        Line("client_auth: required", "listeners.public.tls.client_auth is 'required', not one"),
        Line("client_ca: /c.pem", "listeners.public.tls.client_ca is about clients' certificates"),
        Line("client_crl: /c.crl", "listeners.public.tls.client_crl is about clients'"),
        Line("client_verify_depth: 2", "listeners.public.tls.client_verify_depth is about"),
        Line(
            "client_auth: off\n      client_ca: /c.pem",
            "listeners.public.tls.client_ca is about clients' certificates, but client_auth is off"),
        Line(
            "client_auth: require\n      client_ca: /c.pem\n      client_verify_depth: 17",
            "listeners.public.tls.client_verify_depth is 17, limits 0 to 16"),
        Line(
            "unknown_server_name: drop", "listeners.public.tls.unknown_server_name is 'drop', not"),
        Line("handshake_timeout: 10", "listeners.public.tls.handshake_timeout is '10' without a"),
        Line(
            "handshake_timeout: 11m",
            "listeners.public.tls.handshake_timeout is 11m, limits 100ms to 10m"),
        Line(
            "session_tickets: on", "listeners.public.tls.session_tickets must be off or a mapping"),
        Line("session_tickets: {life: 1h}", "unknown key 'life' in listeners.public.tls.session"),
        Line(
            "session_tickets: {lifetime: 8d}",
            "listeners.public.tls.session_tickets.lifetime is 8d, limits 1m to 7d"),
        Line(
            "session_tickets: {rotate: 1s}",
            "listeners.public.tls.session_tickets.rotate is 1s, limits 1m to 7d"),
        Line(
            "session_tickets: {lifetime: 7d, rotate: 1h}",
            "listeners.public.tls.session_tickets.rotate would keep 168 keys for a lifetime of 7d, "
                + "limit 64"),
        Line("hsts: on", "listeners.public.tls.hsts must be off or a mapping, not 'on'"),
        Line("hsts: {max_age: 1}", "listeners.public.tls.hsts.max_age is '1' without a unit"),
        Line(
            "hsts: {max_age: 3651d}",
            "listeners.public.tls.hsts.max_age is 3651d, limits 0ms to 3650d"),
        Line(
            "hsts: {include_subdomains: yes}",
            "listeners.public.tls.hsts.include_subdomains must be true or false, not 'yes'"),
        Line("hsts: {preload: true}", "listeners.public.tls.hsts.preload needs include_subdomains"),
        Line(
            "hsts: {preload: true, include_subdomains: true, max_age: 30d}",
            "listeners.public.tls.hsts.preload needs include_subdomains: true and a max_age of"),
        Line("kernel_tls: on", "listeners.public.tls.kernel_tls is 'on', not one of auto, off"),
    ])
    func `keys of a listener's tls`(line: Line) throws {
        try check("    tls:\n", "    tls:\n      \(line.text)\n", line.error)
    }

    @Test(arguments: [
        Refusal(
            "      certificates:\n        - {cert: /api.crt, key: /api.key}\n",
            "      min_version: 1.2\n", "listeners.public.tls.certificates is required"),
        Refusal(
            "\n        - {cert: /api.crt, key: /api.key}", " []",
            "listeners.public.tls.certificates is an empty list"),
        Refusal(
            "{cert: /api.crt, key: /api.key}", "/api.crt",
            "listeners.public.tls.certificates[0] must be a mapping, not '/api.crt'"),
        Refusal("cert: /api.crt, ", "", "listeners.public.tls.certificates[0].cert is required"),
        Refusal(", key: /api.key", "", "listeners.public.tls.certificates[0].key is required"),
        Refusal("/api.key}", "/api.key, oscp: /o}", "unknown key 'oscp' in listeners.public.tls"),
        Refusal(
            "key: /api.key", "key: \"env:KEY\"",
            "listeners.public.tls.certificates[0].key: env: is not supported"),
        Refusal(
            "key: /api.key", "key: \"-----BEGIN PRIVATE KEY----- x\"",
            "listeners.public.tls.certificates[0].key holds a key itself"),
        Refusal(
            "        - {cert: /api.crt, key: /api.key}",
            "        - {cert: /api.crt, key: /api.key}\n        - {cert: /api.crt, key: /b.key}",
            "listeners.public.tls.certificates[1] has the cert of an earlier one"),
        Refusal(
            "    tls:\n", "    redirect_to_https: 443\n    tls:\n",
            "listeners.public.redirect_to_https: a listener with tls is where redirects lead"),
        Refusal(
            "redirect_to_https: true", "redirect_to_https: yes",
            "listeners.redirect.redirect_to_https must be true or a port, not 'yes'"),
        Refusal(
            "redirect_to_https: true", "redirect_to_https: false",
            "listeners.redirect.redirect_to_https must be true or a port, not 'false'"),
        Refusal(
            "redirect_to_https: true", "redirect_to_https: 0",
            "listeners.redirect.redirect_to_https is 0, limits 1 to 65535"),
        Refusal(
            "    tls:\n      certificates:\n        - {cert: /api.crt, key: /api.key}\n", "",
            "listeners.redirect.redirect_to_https leads nowhere: no listener has tls"),
        Refusal(
            "  redirect: {",
            "  other: {address: 127.0.0.1:1, tls: {certificates: {cert: /a, key: /b}}}\n"
                + "  redirect: {",
            "listeners.redirect.redirect_to_https is true, but public and other have tls: write"),
    ])
    func `certificates and redirects`(refusal: Refusal) throws {
        try check(refusal.from, refusal.to, refusal.error)
    }

    @Test(arguments: [
        Refusal(
            "tls: {ca: /upstream.pem}", "tls: off",
            "upstreams.orders.tls must be a mapping, not 'off'"),
        Refusal(
            "{ca: /upstream.pem}", "{verify: false}", "unknown key 'verify' in upstreams.orders"),
        Refusal("{ca: /upstream.pem}", "{ca: ''}", "upstreams.orders.tls.ca is empty"),
        Refusal(
            "{ca: /upstream.pem}", "{server_name: a b}",
            "upstreams.orders.tls.server_name is 'a b', not a host name"),
        Refusal(
            "{ca: /upstream.pem}", "{min_version: 1.1}",
            "upstreams.orders.tls.min_version is 1.1: attacks on TLS 1.0 and 1.1"),
        Refusal(
            "{ca: /upstream.pem}", "{client_certificate: {cert: /c}}",
            "upstreams.orders.tls.client_certificate.key is required"),
        Refusal(
            "{ca: /upstream.pem}", "{client_certificate: {cert: /c, key: /k, ocsp: /o}}",
            "unknown key 'ocsp' in upstreams.orders.tls.client_certificate"),
        Refusal(
            "{ca: /upstream.pem}", "{accept_any_certificate: yes}",
            "upstreams.orders.tls.accept_any_certificate must be true or false, not 'yes'"),
        Refusal(
            "{ca: /upstream.pem}", "{ca: /upstream.pem, accept_any_certificate: true}",
            "upstreams.orders.tls.accept_any_certificate is true, which makes "
                + "upstreams.orders.tls.ca mean nothing"),
        Refusal(
            "https://orders.internal", "http://orders.internal",
            "upstreams.orders.tls says how, but no endpoint is https"),
        Refusal(
            "https://orders.internal", "https://orders.internal, http://orders.internal",
            "upstreams.orders.endpoints[1] is http, but the first is https: an upstream has one"),
        Refusal("https://orders.internal", "https://", "upstreams.orders.endpoints[0] is"),
        Refusal(
            "https://orders.internal", "https://u@h",
            "upstreams.orders.endpoints[0] is 'https://u@h': an endpoint is a host and port only"),
    ])
    func `upstreams`(refusal: Refusal) throws {
        try check(refusal.from, refusal.to, refusal.error)
    }

    @Test func `a redirect's error doesn't follow from one of tls`() throws {
        let text = Fixture.secure.replacing("cert: /api.crt, ", with: "")
        #expect(try Fixture.errors(text).count == 1)
    }

    @Test func `all errors of a tls section come at once`() throws {
        let text = Fixture.secure.replacing(
            "    tls:\n",
            with: "    tls:\n      min_version: 1\n      hsts: x\n      kernel_tls: x\n"
        ).replacing("/upstream.pem", with: "'', min_version: 2")
        let places = try Fixture.errors(text).map { $0.prefix(while: { $0 != "e" }) }
        #expect(places.count == 5)
    }
}
