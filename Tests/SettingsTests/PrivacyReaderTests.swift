import AuditRecords
import Settings
import Testing

@Suite struct PrivacyReaderTests {
    private func errors(_ privacy: String) throws -> [String] {
        try Fixture.errors(Fixture.valid + "  privacy: \(privacy)\n")
    }

    @Test func `everything that can be said is read`() throws {
        let settings = try Fixture.parse(
            Fixture.valid
                + """
                  level: headers
                  privacy:
                    client_ip: truncate
                    query: values
                    headers: [User-Agent, x-tenant]
                    response_headers: etag
                    redact:
                      - {name: who, path: [tenant, 3], action: mask}
                      - {name: card, query: [card, PAN], headers: X-Card, claims: [sub, jti]}

                """)
        let privacy = settings.audit.privacy
        #expect(settings.audit.level == .headers)
        #expect(privacy.clientAddress == .truncated)
        #expect(privacy.query == .values)
        #expect(privacy.requestHeaders == ["user-agent", "x-tenant"])
        #expect(privacy.responseHeaders == ["etag"])
        var who = RedactionRule(name: "who")
        who.action = .mask
        who.parameters = ["tenant"]
        who.segments = [3]
        var card = RedactionRule(name: "card")
        card.query = ["card", "PAN"]
        card.headers = ["x-card"]
        card.claims = [.subject, .tokenID]
        #expect(privacy.rules == [who, card])
        #expect(settings.recordNames.rules == ["credential", "unrouted", "who", "card"])
        #expect(settings.policy.auditLevel(of: 0) == AuditLevel.headers.rawValue)
    }

    @Test func `a route's level is its own, and the log's goes for the others`() throws {
        let settings = try Fixture.parse(
            Fixture.valid.replacing(
                "respond: {status: 200", with: "audit: {level: none}\n    respond: {status: 200")
                + "  level: headers\n")
        #expect(settings.policy.auditLevel(of: 0) == AuditLevel.none.rawValue)
        #expect(settings.policy.auditLevel(of: 1) == AuditLevel.headers.rawValue)
    }

    @Test(arguments: [
        ("{client_ip: half}", "audit.privacy.client_ip is 'half', not one of full, truncate"),
        ("{client_ip: truncat}", "did you mean 'truncate'?"),
        ("{query: all}", "audit.privacy.query is 'all', not one of none, keys, values"),
        ("{headrs: [a]}", "unknown key 'headrs' in audit.privacy, did you mean 'headers'?"),
        ("{headers: all}", "audit.privacy.headers: fields are chosen one by one, not all"),
        ("{headers: ['*']}", "audit.privacy.headers[0]: fields are chosen one by one, not all"),
        ("{headers: ['a b']}", "audit.privacy.headers[0]: 'a b' is not a field name"),
        ("{headers: [x-a, X-A]}", "audit.privacy.headers[1] names 'x-a' a second time"),
        ("{headers: [a,b,c,d,e,f,g,h,i]}", "audit.privacy.headers has 9 entries, limit 8"),
        ("{headers: [referer]}", "'referer' holds whole URLs"),
        ("{response_headers: [Location]}", "'location' holds whole URLs"),
        (
            "{client_ip: truncate, headers: [x-forwarded-for]}",
            "'x-forwarded-for' holds the address that client_ip does not show"
        ),
        ("{redact: [{path: 1}]}", "audit.privacy.redact[0].name is required"),
        ("{redact: [{name: a}]}", "audit.privacy.redact[0] takes nothing out: it needs one of"),
        ("{redact: [{name: 'a b', path: 1}]}", "audit.privacy.redact[0].name is 'a b': a name"),
        ("{redact: [{name: credential, path: 1}]}", "'credential' is the name of a rule of"),
        (
            "{redact: [{name: a, path: 1}, {name: a, path: 2}]}",
            "audit.privacy.redact[1].name is the name of an earlier rule"
        ),
        (
            "{redact: [{name: a, path: 65}]}", "audit.privacy.redact[0].path is 65, limits 1 to 64"
        ),
        (
            "{redact: [{name: a, path: tenent}]}",
            "no route has a parameter {tenent}, did you mean 'tenant'?"
        ),
        ("{redact: [{name: a, claims: email}]}", "is 'email', not one of sub, client_id, jti"),
        ("{redact: [{name: a, path: 1, action: hide}]}", "is 'hide', not one of remove, mask"),
        ("{redact: [{name: a, headers: 'x y'}]}", "'x y' is not a field name"),
        ("{redact: [{name: a, body: card}]}", "is 'card', not a JSON pointer such as /card/number"),
        ("{redact: [{name: a, body: /a~2}]}", "is '/a~2': ~ begins ~0 or ~1"),
        ("{body: 1MiB}", "audit.privacy.body is 1MiB, limits 256B to 16KiB"),
    ])
    func `what cannot hold is refused`(privacy: String, message: String) throws {
        let errors = try errors(privacy)
        #expect(errors.count == 1)
        #expect(errors.first?.contains(message) == true, "\(errors)")
    }

    @Test func `pointers are read as RFC 6901 says`() throws {
        let settings = try Fixture.parse(
            Fixture.valid
                + "  privacy: {body: 1KiB, redact: [{name: a, body: [/a~1b/~0/*/0/, /x]}]}\n")
        #expect(settings.audit.privacy.rules[0].body == [["a/b", "~", "*", "0", ""], ["x"]])
        #expect(settings.audit.privacy.bodyBytes == 1024)
    }

    @Test func `bodies need a ring that holds them`() throws {
        let text = Fixture.valid + "  level: body\n  ring: 128KiB\n  privacy: {body: 16KiB}\n"
        #expect(
            try Fixture.errors(text).map { $0.split(separator: "error: ")[1] } == [
                "audit.ring is 128KiB, too small for records with bodies of 16KiB"
            ])
        #expect(try Fixture.errors(text.replacing("128KiB", with: "256KiB")) == [])
    }

    @Test(arguments: [
        "authorization", "Proxy-Authorization", "cookie", "set-cookie", "x-api-key", "apikey",
        "x-auth-token", "X-Amz-Security-Token", "dpop", "x-csrf-token", "private-token",
        "x-session-id", "x-goog-iap-jwt-assertion", "x-vault-token", "www-authorization",
        "x_api_key", "x-client-secret", "x-accesstoken", "authentication-info", "x-sessionid",
    ])
    func `a field that holds credentials cannot be chosen`(name: String) throws {
        let errors = try errors("{headers: [\(name)]}")
        #expect(errors.count == 1)
        let message = "'\(name.lowercased())' holds credentials, which are never recorded"
        #expect(errors.first?.hasSuffix("audit.privacy.headers[0]: " + message) == true)
    }

    @Test(arguments: [
        "user-agent", "x-tenant", "idempotency-key", "content-type", "accept", "x-author",
        "x-keyboard", "if-match",
    ])
    func `a field that holds none can be chosen`(name: String) throws {
        #expect(try errors("{headers: [\(name)], response_headers: [\(name)]}") == [])
    }
}
