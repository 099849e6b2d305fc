import AuditRecords
import Authorization
import HTTP
import Primitives
import RequestFlow
import Testing

/// What records hold of requests, by level and by rule: `RecordDraft`, `RecordPrivacy`.
@Suite struct RecordPrivacyTests {
    private func route(_ path: String, level: AuditLevel? = nil) throws -> Route {
        var route = Route(
            name: path, path: try PathPattern(path), authentication: .none, action: .upstream(0))
        if let level { route.auditLevel = level.rawValue }
        return route
    }

    private func rule(_ name: String, _ change: (inout RedactionRule) -> Void) -> RedactionRule {
        var rule = RedactionRule(name: name)
        change(&rule)
        return rule
    }

    private func head(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: api\r\n\(fields)\r\n"
    }

    @Test func `level none leaves no text and no address`() throws {
        var bench = try FlowBench.make(routes: [route("/**", level: AuditLevel.none)])
        _ = try bench.judge(head("/secret?a=b", "User-Agent: me\r\n"))
        let record = bench.record()
        #expect(record.core.contains(#""level":"none""#) && record.core.contains(#""seq":7"#))
        #expect(record.subject == "{}")
        #expect(record.detail == "{}")
    }

    @Test func `a request without a route has the level of the log`() throws {
        var bench = try FlowBench.make(
            routes: [route("/v1", level: .headers)], level: AuditLevel.none)
        _ = try bench.judge(head("/other"))
        let record1 = bench.record()
        #expect(record1.detail == "{}")
        _ = try bench.judge(head("/v1"))
        let record2 = bench.record()
        #expect(record2.detail == #"{"authority":"api","path":"/v1"}"#)
    }

    @Test func `chosen fields are recorded from level headers on, under the settings' names`()
        throws
    {
        var privacy = PrivacySettings()
        privacy.requestHeaders = ["x-tenant", "accept", "user-agent"]
        privacy.responseHeaders = ["etag"]
        var bench = try FlowBench.make(
            routes: [route("/h", level: .headers), route("/m")], privacy: privacy)
        let fields = "X-TENANT: acme\r\nAccept: a\r\nX-Other: o\r\nUser-Agent: me\r\n"
        _ = try bench.judge(head("/h", fields))
        let record3 = bench.record()
        #expect(
            record3.detail
                == #"{"authority":"api","headers":["x-tenant: acme","accept: a"],"path":"/h","#
                + #""user_agent":"me"}"#)
        _ = try bench.judge(head("/m", fields))
        let record4 = bench.record()
        #expect(record4.detail == #"{"authority":"api","path":"/m","user_agent":"me"}"#)
        try bench.receive(
            "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nServer: s\r\nContent-Length: 0\r\n\r\n")
        let record5 = bench.record()
        #expect(record5.detail == #"{"response_headers":["etag: \"1\""]}"#)
    }

    @Test func `a field sent often crowds out no other, and is counted`() throws {
        var privacy = PrivacySettings()
        privacy.requestHeaders = ["x-a", "x-b"]
        var bench = try FlowBench.make(
            routes: [route("/**", level: .headers)], privacy: privacy)
        let many = String(repeating: "X-A: 1\r\n", count: 30)
        _ = try bench.judge(head("/", many + "X-B: 2\r\n"))
        let detail = bench.record().detail
        #expect(detail.contains(#""x-b: 2""#))
        #expect(detail.contains(#""headers_omitted":21"#))
    }

    @Test(arguments: [
        ("/v1/acme/patients/123-45", "/v1/acme/patients/[redacted:patient]"),
        ("/v1/acme/patients/123;x=1/notes", "/v1/acme/patients/[redacted:patient]/notes"),
        ("/v1/acme/%70atients/%31%32", "/v1/acme/patients/[redacted:patient]"),
        ("/v1/acme/patients/a%c3%a9%3Fb", "/v1/acme/patients/[redacted:patient]"),
    ])
    func `a parameter's segment is taken out of the path`(sent: String, recorded: String) throws {
        var privacy = PrivacySettings()
        privacy.rules = [rule("patient") { $0.parameters = ["patient"] }]
        var bench = try FlowBench.make(
            routes: [route("/v1/{tenant}/patients/{patient}/**"), route("/open")],
            privacy: privacy)
        _ = try bench.judge(head(sent))
        let text1 = bench.recorded(.path)
        #expect(text1 == recorded)
        let record6 = bench.record()
        #expect(
            record6.core.contains(
                #""redactions":[{"field":"path","rule":"patient"}]"#))
        _ = try bench.judge(head("/open"))
        let text2 = bench.recorded(.path)
        #expect(text2 == "/open")
        let record7 = bench.record()
        #expect(!record7.core.contains("redactions"))
    }

    @Test func `a path that matches no route is left out whole where a rule is about paths`() throws
    {
        var privacy = PrivacySettings()
        privacy.rules = [rule("patient") { $0.parameters = ["patient"] }]
        var bench = try FlowBench.make(routes: [route("/v1/{patient}")], privacy: privacy)
        let admission = try bench.judge(head("/v1/123/typo"))
        #expect(admission.verdict == .refuse(status: 404, reason: .policyNoRoute))
        let text3 = bench.recorded(.path)
        #expect(text3 == "[redacted:unrouted]")
        let record8 = bench.record()
        #expect(record8.core.contains(#"{"field":"path","rule":"unrouted"}"#))
    }

    @Test func `a place is taken out of every path, and a mask shows the end of long values`()
        throws
    {
        var privacy = PrivacySettings()
        privacy.rules = [
            rule("card") {
                $0.segments = [2]
                $0.action = .mask
            }
        ]
        var bench = try FlowBench.make(routes: [route("/**")], privacy: privacy)
        for (sent, recorded) in [
            ("/a/4111111111111111/b", "/a/[redacted:card]1111/b"),
            ("/a/12345678901", "/a/[redacted:card]"),
            ("/a/12345678%2C01", "/a/[redacted:card]"), ("/a/1234567890%2C1", "/a/[redacted:card]"),
            ("/a/", "/a/"), ("/a", "/a"),
        ] {
            _ = try bench.judge(head(sent))
            let text4 = bench.recorded(.path)
            #expect(text4 == recorded)
        }
    }

    @Test func `the user agent and chosen fields are taken out by name`() throws {
        var privacy = PrivacySettings()
        privacy.requestHeaders = ["x-mail"]
        privacy.responseHeaders = ["x-mail"]
        privacy.rules = [rule("who") { $0.headers = ["x-mail", "user-agent"] }]
        var bench = try FlowBench.make(
            routes: [route("/**", level: .headers)], privacy: privacy)
        _ = try bench.judge(head("/", "X-Mail: a@b\r\nUser-Agent: me\r\n"))
        let record9 = bench.record()
        #expect(
            record9.detail
                == #"{"authority":"api","headers":["x-mail: [redacted:who]"],"path":"/","#
                + #""user_agent":"[redacted:who]"}"#)
        let record10 = bench.record()
        #expect(
            record10.core.contains(
                #"[{"field":"headers","rule":"who"},{"field":"user_agent","rule":"who"}]"#))
        try bench.receive("HTTP/1.1 204 No\r\nX-Mail: a@b\r\n\r\n")
        let record11 = bench.record()
        #expect(record11.detail == #"{"response_headers":["x-mail: [redacted:who]"]}"#)
    }

    @Test func `claims are taken out, also as the certificate says them`() throws {
        var privacy = PrivacySettings()
        privacy.rules = [rule("who") { $0.claims = [.subject] }]
        var certificate = Route(
            name: "c", path: try PathPattern("/**"),
            authentication: .required(.init(), acceptsCertificate: true), action: .upstream(0))
        certificate.rules = []
        var bench = try FlowBench.make(routes: [certificate], privacy: privacy)
        bench.certificateName = "CN=alice"
        bench.transport.hasCertificate = true
        _ = try bench.judge(head("/"))
        let record = bench.record()
        #expect(record.subject.contains(#""sub":"[redacted:who]""#))
        #expect(record.core.contains(#"{"field":"sub","rule":"who"}"#))
        #expect(!(record.core + record.subject + record.detail).contains("alice"))
    }

    @Test func `addresses are truncated where the settings say so`() throws {
        var privacy = PrivacySettings()
        privacy.clientAddress = .truncated
        var bench = try FlowBench.make(routes: [route("/**")], privacy: privacy)
        _ = try bench.judge(head("/"))
        let record12 = bench.record()
        #expect(record12.subject == #"{"client_ip":"10.0.0.0","peer_ip":"10.0.0.0"}"#)
    }
}
