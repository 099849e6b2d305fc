import AuditRecords
import Authorization
import HTTP
import Primitives
import RequestFlow
import Testing

@Suite struct SecureListenerTests {
    private static let line = "Strict-Transport-Security: max-age=31536000\r\n"

    private static func routes() throws -> [Route] {
        let answer = RouteAction.respond(
            status: 200, body: Array("ok\n".utf8), contentType: "text/plain")
        return [
            Route(
                name: "own", path: try PathPattern("/own"), authentication: .none, action: answer),
            Route(
                name: "all", path: try PathPattern("/**"), authentication: .none,
                action: .upstream(0)),
        ]
    }

    private static func redirecting(port: UInt16) -> ProxySettings.Listener {
        ProxySettings.Listener(name: "plain", trustedProxies: [], redirectPort: port)
    }

    private static func secure(_ line: String = Self.line) -> ProxySettings.Listener {
        ProxySettings.Listener(
            name: "tls", trustedProxies: [], isSecure: true, strictTransport: Array(line.utf8))
    }

    @Test(arguments: [
        ("GET /a?b=c HTTP/1.1\r\nHost: api.example\r\n\r\n", 443, "https://api.example/a?b=c"),
        ("GET /%61/? HTTP/1.1\r\nHost: API:8080\r\n\r\n", 443, "https://API/a/?"),
        ("POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 0\r\n\r\n", 8443, "https://a:8443/"),
        ("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", 443, "https://[2001:db8::1]/"),
        ("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", 8443, "https://[::1]:8443/"),
        ("GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 443, "https://10.0.0.1/"),
        ("GET http://b:1/x HTTP/1.1\r\nHost: a\r\n\r\n", 443, "https://b/x"),
        ("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", 443, "https://b/?q"),
        ("GET / HTTP/1.0\r\nHost: old\r\n\r\n", 443, "https://old/"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 443, "https://a"),
        // Nothing else about the request is judged.
        ("GET /nowhere HTTP/1.1\r\nHost: a\r\nVia: 1.1 gate-1\r\n\r\n", 443, "https://a/nowhere"),
    ])
    func `a listener that only sends on to TLS does so with every request`(
        text: String, port: UInt16, location: String
    ) throws {
        var bench = try FlowBench.make(
            routes: Self.routes(), listener: Self.redirecting(port: port))
        let admission = try bench.judge(text)
        #expect(admission.verdict == .redirect(port: port))
        #expect(bench.facts.reason == .policyHTTPSRequired)
        #expect(bench.facts.outcome == .deny)
        let answer = bench.answer(admission)
        #expect(answer.hasPrefix("HTTP/1.1 308 Permanent Redirect\r\n"))
        #expect(answer.contains("\r\nLocation: \(location)\r\n"))
        #expect(answer.contains("\r\nCache-Control: no-store\r\n"))
        #expect(answer.contains("\"code\":\"policy.https_required\""))
        #expect(!answer.contains("Strict-Transport-Security"))
        let withoutBody = bench.answer(admission, isHead: true)
        #expect(withoutBody.hasSuffix("\r\n\r\n"))
    }

    @Test func `a request that names no host cannot be sent on`() throws {
        var bench = try FlowBench.make(
            routes: Self.routes(), listener: Self.redirecting(port: 443))
        let admission = try bench.judge("GET / HTTP/1.0\r\n\r\n")
        #expect(admission.verdict == .refuse(status: 400, reason: .requestHostMissing))
        #expect(bench.facts.outcome == .error)
        #expect(bench.facts.errorSource == .client)
        let answer = bench.answer(admission)
        #expect(!answer.contains("Location"))
    }

    @Test(arguments: ["/own", "/x/own", "OPTIONS"])
    func `every answer of our own on a TLS listener has the field once`(path: String) throws {
        var bench = try FlowBench.make(routes: Self.routes(), listener: Self.secure())
        bench.transport = .secure
        let request =
            path == "OPTIONS"
            ? "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
            : "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
        var admission = try bench.judge(request)
        if path == "/x/own" { admission.verdict = .refuse(status: 502, reason: .upstreamStalled) }
        let answer = bench.answer(admission)
        #expect(answer.split(separator: "Strict-Transport-Security").count == 2)
        #expect(answer.contains("\r\n" + Self.line))
    }

    @Test(arguments: [
        "", "Strict-Transport-Security: max-age=0\r\n",
        "strict-transport-security: max-age=0\r\nSTRICT-TRANSPORT-SECURITY:max-age=1; preload\r\n",
    ])
    func `a forwarded answer on a TLS listener has our field and none of the upstream's`(
        fields: String
    ) throws {
        let response = "HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\nX-A: b\r\n\r\n"
        var bench = try FlowBench.make(routes: Self.routes(), listener: Self.secure())
        bench.transport = .secure
        _ = try bench.judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let relayed = try bench.relay(response)
        #expect(relayed.lowercased().split(separator: "strict-transport-security").count == 2)
        #expect(relayed.contains("\r\n" + Self.line))
        #expect(relayed.contains("\r\nX-A: b\r\n"))
        let interim = try bench.relayInterim("HTTP/1.1 103 Early Hints\r\n\(fields)X-A: b\r\n\r\n")
        #expect(interim == "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n")

        // Switched off, the listener still answers for its own transport.
        var silent = try FlowBench.make(routes: Self.routes(), listener: Self.secure(""))
        silent.transport = .secure
        _ = try silent.judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let quiet = try silent.relay(response)
        #expect(!quiet.lowercased().contains("strict-transport-security"))

        // Behind somebody else's TLS the upstream's field is none of our business.
        var plain = try FlowBench.make(routes: Self.routes())
        _ = try plain.judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let kept = try plain.relay(response)
        for line in fields.split(separator: "\r\n") where line.hasPrefix("S") {
            #expect(kept.lowercased().contains("\r\n\(line.lowercased().prefix(25)):"))
        }
        #expect(!kept.contains(Self.line))
    }

    @Test func `the upstream is told that the client came by TLS`() throws {
        var bench = try FlowBench.make(routes: Self.routes(), listener: Self.secure())
        bench.transport = .secure
        let text = try bench.rewrite(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\nForwarded: proto=http\r\n\r\n")
        #expect(text.contains("\r\nX-Forwarded-Proto: https\r\n"))
        #expect(text.contains("\r\nForwarded: for=10.0.0.9;host=\"a\";proto=https\r\n"))
        #expect(!text.contains("proto=http\r\n"))
        #expect(!text.contains("Proto: http\r\n"))
    }

    @Test(arguments: [
        "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-Client-Cert-Present",
        "X-Client-Certificate", "X-Client-DN", "X-Client-Verify", "X-SSL-Client-Cert",
        "X-SSL-Client-S-DN", "X-SSL-Cert", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info", "SSL-Client-Cert", "SSL-Client-S-DN",
        "SSL_CLIENT_VERIFY",
        "X-ARR-ClientCert", "X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Subject",
        "Cf-Client-Cert-Der-Base64", "Tls-Client-Cert", "X-Tls-Client-Subject", "X-Mtls-Subject",
        "X-Client_Cert", "x-forwarded-ssl", "Front-End-Https", "X-Forwarded-Scheme",
        "X-Url-Scheme", "X-Scheme",
    ])
    func `a field that claims a certificate or TLS is never the client's to send`(
        name: String
    ) throws {
        var bench = try FlowBench.make(routes: Self.routes())
        for spelling in [name, name.lowercased(), name.uppercased()] {
            let text = try bench.rewrite(
                "GET / HTTP/1.1\r\nHost: a\r\n\(spelling): forged\r\nX-Kept: 1\r\n\r\n")
            #expect(!text.contains("forged"))
            #expect(text.contains("\r\nX-Kept: 1\r\n"))
        }
    }

    @Test(arguments: [
        "Client-Hints", "X-Client-Version", "X-Client-Id-Hint", "TLS-Hint", "SSL-Info",
        "X-Schema", "Front-End", "X-Amz-Date", "Cf-Ray",
    ])
    func `a field that only looks like one goes upstream`(name: String) throws {
        var bench = try FlowBench.make(routes: Self.routes())
        let text = try bench.rewrite("GET / HTTP/1.1\r\nHost: a\r\n\(name): kept\r\n\r\n")
        #expect(text.contains("\r\n\(name): kept\r\n"))
    }
}
