import Authorization
import HTTP
import Primitives
import RequestFlow
import Testing

@Suite struct RequestRewriteTests {
    private static func routes(_ change: (inout Route) -> Void = { _ in }) throws -> [Route] {
        var route = Route(
            name: "all", path: try PathPattern("/**"), authentication: .none, action: .upstream(0))
        change(&route)
        return [route]
    }

    @Test func `the head goes upstream in one canonical form`() throws {
        var bench = try FlowBench.make(routes: Self.routes())
        let text = try bench.rewrite(
            "GET http://api.example:8080/%61?b=%20c HTTP/1.1\r\nhost: ignored\r\nACCEPT:  */* \r\n\r\n"
        )
        #expect(
            text.hasPrefix("GET /a?b=%20c HTTP/1.1\r\nHost: api.example:8080\r\nACCEPT: */*\r\n"))
        #expect(text.contains("\r\nVia: 1.1 gate-1\r\n"))
        #expect(text.contains("\r\nX-Forwarded-For: 10.0.0.9\r\n"))
        #expect(
            text.contains("\r\nForwarded: for=10.0.0.9;host=\"api.example:8080\";proto=http\r\n"))
        #expect(
            text.contains(
                "\r\ntraceparent: 00-00000000000000010000000000000002-0000000000000003-01\r\n"))
        #expect(text.contains("\r\nAudit-Receipt: log.boot.0.7\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test(arguments: [
        "Connection: keep-alive", "Keep-Alive: 5", "Proxy-Connection: close", "Upgrade: websocket",
        "X-User: admin", "X-Forwarded-User: admin", "X_Remote_User: admin", "X-Request-Id: mine",
        "Audit-Receipt: forged", "Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4",
        "X-Real-IP: 1.2.3.4", "X-Forwarded-Host: evil", "tracestate: a=b",
        "Proxy-Authorization: Basic eA==",
    ])
    func `a field that is not the client's to send does not go upstream`(field: String) throws {
        var bench = try FlowBench.make(routes: Self.routes())
        let text = try bench.rewrite("GET / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
        #expect(!text.contains(field))
    }

    @Test func `a field named in Connection is hop-by-hop`() throws {
        var bench = try FlowBench.make(routes: Self.routes())
        let text = try bench.rewrite(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Private\r\nX-Private: 1\r\nX-Kept: 2\r\n\r\n"
        )
        #expect(!text.contains("X-Private"))
        #expect(text.contains("\r\nX-Kept: 2\r\n"))
    }

    @Test func `a trusted proxy's forwarding fields are kept and added to`() throws {
        let trusted = AddressRange(address: FlowBench.peer.address, prefixBits: 104)
        var bench = try FlowBench.make(routes: Self.routes(), trusted: [trusted])
        let text = try bench.rewrite(
            """
            GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.5\r
            X-Forwarded-Proto: https\r\nForwarded: for=203.0.113.7\r\n\r

            """)
        #expect(text.contains("\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.5, 10.0.0.9\r\n"))
        #expect(text.contains("\r\nForwarded: for=203.0.113.7, for=10.0.0.9;"))
        #expect(text.contains("\r\nX-Forwarded-Proto: https\r\n"))
        #expect(text.contains("\r\nX-Real-IP: 203.0.113.7\r\n"))
    }

    @Test func `the client is the last address that no trusted proxy has`() throws {
        let trusted = AddressRange(address: FlowBench.peer.address, prefixBits: 104)
        var bench = try FlowBench.make(routes: Self.routes(), trusted: [trusted])
        for (list, expected) in [
            ("1.1.1.1, 203.0.113.7, 10.0.0.5", "203.0.113.7"), ("unknown, 10.0.0.5", "10.0.0.5"),
            ("10.0.0.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::1"),
        ] {
            let text = try bench.rewrite(
                "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(list)\r\n\r\n")
            #expect(text.contains("\r\nX-Real-IP: \(expected)\r\n"))
        }
    }

    @Test func `a route sets and removes fields`() throws {
        let routes = try Self.routes { route in
            route.requestHeaders.remove = ["Authorization", "X-Debug"]
            route.requestHeaders.set = [
                HeaderSetting(
                    name: "X-Route", pieces: [.literal(Array("r-".utf8)), .variable(.route)])
            ]
        }
        var bench = try FlowBench.make(routes: routes)
        let text = try bench.rewrite(
            "GET / HTTP/1.1\r\nHost: a\r\nauthorization: Bearer x\r\nx-debug: 1\r\nX-Route: forged\r\n\r\n"
        )
        #expect(!text.contains("Bearer"))
        #expect(!text.contains("x-debug"))
        #expect(!text.contains("forged"))
        #expect(text.contains("\r\nX-Route: r-all\r\n"))
    }

    @Test(arguments: [
        ("Content-Length: 5", "\r\nContent-Length: 5\r\n", "Transfer-Encoding"),
        ("Transfer-Encoding: Chunked", "\r\nTransfer-Encoding: chunked\r\n", "Content-Length"),
    ])
    func `framing is written anew`(field: String, written: String, absent: String) throws {
        var bench = try FlowBench.make(routes: Self.routes())
        let text = try bench.rewrite("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
        #expect(text.contains(written))
        #expect(!text.contains(absent))
    }
}

@Suite struct ResponseRewriteTests {
    private static func bench() throws -> FlowBench { try FlowBench.make(routes: []) }

    @Test func `hop-by-hop fields stay behind, the receipt is ours`() throws {
        var bench = try Self.bench()
        let text = try bench.relay(
            """
            HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: 3\r
            Audit-Receipt: forged\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r

            """)
        #expect(text.hasPrefix("HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"))
        #expect(text.contains("\r\nContent-Length: 2\r\n"))
        #expect(text.contains("\r\nAudit-Receipt: log.boot.0."))
        #expect(!text.contains("forged"))
        #expect(!text.contains("X-A"))
        #expect(!text.contains("Keep-Alive"))
    }

    @Test(arguments: [
        ("Transfer-Encoding: chunked", HTTPVersion.http11, "\r\nTransfer-Encoding: chunked\r\n"),
        ("X: y", .http11, "\r\nTransfer-Encoding: chunked\r\n"),
        ("Content-Length: 3", .http10, "\r\nContent-Length: 3\r\n"),
    ])
    func `the body is framed for the client's version`(
        field: String, version: HTTPVersion, expected: String
    ) throws {
        var bench = try Self.bench()
        let text = try bench.relay("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n", version: version)
        #expect(text.contains(expected))
    }

    @Test func `an old client gets no chunks and no trailer announcement`() throws {
        var bench = try Self.bench()
        let text = try bench.relay(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n",
            version: .http10, keepsAlive: false)
        #expect(!text.contains("chunked"))
        #expect(!text.contains("Trailer"))
        #expect(text.contains("\r\nConnection: close\r\n"))
    }

    @Test func `RFC 9110 §6.6.1: a response without a date gets the one it came at`() throws {
        var bench = try Self.bench()
        let undated = try bench.relay("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(undated.contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"))
        let date = "Date: Sun, 06 Nov 1994 09:00:00 GMT\r\n"
        let dated = try bench.relay("HTTP/1.1 200 OK\r\n\(date)Content-Length: 0\r\n\r\n")
        #expect(dated.contains(date))
        #expect(!dated.contains("08:49:37"))
    }

    @Test func `204 has no length, 304 keeps it`() throws {
        var bench = try Self.bench()
        let empty = try bench.relay("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n")
        #expect(!empty.contains("Content-Length"))
        let unchanged = try bench.relay("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
        #expect(unchanged.contains("\r\nContent-Length: 9\r\n"))
        #expect(!unchanged.contains("Transfer-Encoding"))
    }
}

@Suite struct FieldRunTests {
    @Test(arguments: [
        "Accept: a", "Accept:a", "Accept:  a ", "Accept: a ", "Accept:", "Accept: ", "Accept:\ta",
    ])
    func `a line in any spelling goes out in the one canonical form`(line: String) throws {
        let routes = [
            Route(
                name: "all", path: try PathPattern("/**"), authentication: .none,
                action: .upstream(0))
        ]
        var bench = try FlowBench.make(routes: routes)
        let value = line.dropFirst("Accept:".count).filter { $0 != " " && $0 != "\t" }
        let text = try bench.rewrite(
            "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\(line)\r\nX-Keep: 2\r\nX-B:3\r\n\r\n")
        #expect(
            text.hasPrefix(
                "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nAccept: \(value)\r\nX-Keep: 2\r\nX-B: 3\r\n"
            ))
    }
}
