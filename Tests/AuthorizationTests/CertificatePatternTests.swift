import Authentication
import Authorization
import Primitives
import Testing

/// What a certificate says, in the form that TLS writes.
func details(_ attributes: [(CertificateAttribute, String)]) -> [UInt8] {
    var buffer = ByteBuffer(capacity: 4096)
    for (attribute, value) in attributes {
        let bytes = Array(value.utf8)
        buffer.write { writer in
            let isWritten = writer.appendCertificateDetail(attribute, bytes.span)
            #expect(isWritten)
        }
    }
    let span = buffer.span
    return (0..<span.count).map { span[$0] }
}

@Suite struct CertificatePatternTests {
    private static let digest = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        arguments: [
            (.subject, "", .certificateEmpty), (.uri, "", .certificateEmpty),
            (.subject, "CN=a\nb", .certificateControl), (.dns, "a\u{7F}b", .certificateControl),
            (.subject, String(repeating: "x", count: 1025), .tooLong(limitBytes: 1024)),
            (.uri, "*", .certificateURIInvalid), (.uri, "spiffe:*", .certificateURIInvalid),
            (.uri, "example.com/a", .certificateURIInvalid),
            (.uri, "spiffe://*/a", .certificateWildcard),
            (.uri, "spiffe://a/*/b*", .certificateWildcard),
            (.dns, "*", .certificateWildcard), (.dns, "a.*.example", .certificateWildcard),
            (.dns, "a*.example", .certificateWildcard), (.dns, "a..b", .hostInvalid),
            (.dns, "[::1]", .hostInvalid), (.dns, "a b", .hostInvalid),
            (.email, "a", .certificateEmailInvalid), (.email, "@a", .certificateEmailInvalid),
            (.email, "a@", .certificateEmailInvalid), (.email, "*@a", .certificateEmailInvalid),
            (.sha256, "00", .certificateDigestInvalid),
            (.sha256, digest + "0", .certificateDigestInvalid),
            (.sha256, "g" + digest.dropFirst(), .certificateDigestInvalid),
            (.sha256, "01:23", .certificateDigestInvalid),
        ] as [(CertificatePattern.Attribute, String, PatternError)])
    func `a pattern that could mean too much or nothing is refused`(
        attribute: CertificatePattern.Attribute, text: String, error: PatternError
    ) {
        #expect(throws: error) { try CertificatePattern(attribute, text) }
    }

    @Test(
        arguments: [
            (.subject, "CN=a,O=b", [(.subject, "CN=a,O=b")], true),
            (.subject, "CN=a,O=b", [(.subject, "cn=a,O=b")], false),
            (.subject, "CN=a,O=b", [(.subject, "CN=a,O=b,C=c")], false),
            (.subject, "CN=a", [(.issuer, "CN=a")], false),
            (.subject, "CN=a", [(.dns, "CN=a"), (.uri, "CN=a"), (.email, "CN=a")], false),
            (.uri, "spiffe://x/a", [(.uri, "spiffe://x/a")], true),
            (.uri, "spiffe://x/a", [(.uri, "spiffe://x/A")], false),
            (.uri, "spiffe://x/a", [(.uri, "spiffe://x/a/b")], false),
            (.uri, "spiffe://x/a", [(.dns, "x"), (.uri, "y:1"), (.uri, "spiffe://x/a")], true),
            (.uri, "spiffe://x/a", [(.dns, "spiffe://x/a"), (.subject, "spiffe://x/a")], false),
            (.uri, "spiffe://x/*", [(.uri, "spiffe://x/a/b")], true),
            (.uri, "spiffe://x/*", [(.uri, "spiffe://x/")], false),
            (.uri, "spiffe://x/*", [(.uri, "spiffe://x")], false),
            (.uri, "spiffe://x/*", [(.uri, "spiffe://xy/a")], false),
            (.uri, "spiffe://x/*", [(.uri, "spiffe://x/a\u{0}b")], false),
            (.dns, "a.example", [(.dns, "A.Example")], true),
            (.dns, "A.example", [(.dns, "a.EXAMPLE")], true),
            (.dns, "a.example", [(.dns, "b.a.example")], false),
            (.dns, "a.example", [(.uri, "a.example"), (.email, "a.example")], false),
            (.dns, "*.example", [(.dns, "a.EXAMPLE")], true),
            (.dns, "*.example", [(.dns, "a.b.example")], true),
            (.dns, "*.example", [(.dns, "example")], false),
            (.dns, "*.example", [(.dns, ".example")], false),
            (.dns, "*.example", [(.dns, "badexample")], false),
            (.dns, "*.example", [(.dns, "evil.test\u{0}.example")], false),
            (.email, "Al@example", [(.email, "Al@EXAMPLE")], true),
            (.email, "Al@example", [(.email, "al@example")], false),
            (.email, "Al@example", [(.email, "Al@example.x")], false),
            (.email, "a@example", [(.subject, "a@example"), (.dns, "a@example")], false),
            (.sha256, digest, [], true), (.sha256, digest.uppercased(), [], true),
            (.sha256, "f" + digest.dropFirst(), [(.subject, digest)], false),
        ]
            as [(
                CertificatePattern.Attribute, String, [(CertificateAttribute, String)], Bool
            )])
    func `a pattern matches its own kind of name only, all of it`(
        attribute: CertificatePattern.Attribute, text: String,
        names: [(CertificateAttribute, String)], isMatch: Bool
    ) throws {
        let pattern = try CertificatePattern(attribute, text)
        let policy = CompiledPolicy(routes: [], roleNames: [], certificates: [pattern])
        let bytes = details(names)
        let sha256 = Digest256(
            words: (
                0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF,
                0x0123_4567_89AB_CDEF
            ))
        let set = policy.certificates(matching: bytes.span, sha256: sha256)
        #expect(set.contains(0) == isMatch)
        #expect(set.isEmpty != isMatch)
    }

    @Test func `each of 64 patterns has its own bit`() throws {
        let patterns = try (0..<CertificateSet.capacity).map {
            try CertificatePattern(.uri, "spiffe://x/\($0)")
        }
        let policy = CompiledPolicy(routes: [], roleNames: [], certificates: patterns)
        for number in [0, 1, 31, 32, 63] {
            let bytes = details([(.uri, "spiffe://x/\(number)")])
            let set = policy.certificates(matching: bytes.span, sha256: .zero)
            #expect(set == CertificateSet(bits: 1 << UInt64(number)))
        }
        let two = details([(.uri, "spiffe://x/2"), (.uri, "spiffe://x/5")])
        let set = policy.certificates(matching: two.span, sha256: .zero)
        #expect(set.bits == 0b100100)
    }

    @Test func `a pattern is described as it was written`() throws {
        let texts = try [
            CertificatePattern(.uri, "spiffe://x/*"), CertificatePattern(.dns, "*.Example"),
            CertificatePattern(.subject, "CN=a"),
        ].map(\.description)
        #expect(texts == ["uri spiffe://x/*", "dns *.example", "subject CN=a"])
    }
}

@Suite struct CertificateRuleTests {
    /// Rules of a route, what is held, and the rule that decides or why none does.
    @Test(
        arguments: [
            // A role, or a certificate.
            ([(1, 0)], 1, 0, 0, .none), ([(1, 0)], 0, 1, -1, .policyRoleMissing),
            ([(0, 1)], 0, 1, 0, .none), ([(0, 1)], 1, 0, -1, .policyCertificateRefused),
            ([(0, 1)], 1, 2, -1, .policyCertificateRefused), ([(0, 3)], 0, 2, 0, .none),
            // Both.
            ([(1, 1)], 1, 1, 0, .none), ([(1, 1)], 1, 0, -1, .policyCertificateRefused),
            ([(1, 1)], 0, 1, -1, .policyRoleMissing), ([(1, 1)], 0, 0, -1, .policyRoleMissing),
            // The first rule that holds decides, and a refusal says what would have helped.
            ([(1, 1), (2, 0)], 2, 0, 1, .none), ([(1, 1), (2, 0)], 3, 1, 0, .none),
            ([(1, 1), (2, 0)], 1, 0, -1, .policyCertificateRefused),
            ([(2, 0), (0, 1)], 1, 0, -1, .policyCertificateRefused),
            // Whoever demands nothing lets nobody in; no rule at all lets in whoever is known.
            ([(0, 0)], 7, 7, -1, .policyRoleMissing), ([], 0, 0, -1, .none),
        ] as [([(UInt64, UInt64)], Int, UInt64, Int, Reason)])
    func `a rule holds when each of its demands does`(
        rules: [(UInt64, UInt64)], held: Int, certificates: UInt64, rule: Int, reason: Reason
    ) throws {
        func roles(_ bits: UInt64) -> RoleSet {
            var set = RoleSet()
            for role in 0..<8 where bits >> UInt64(role) & 1 == 1 { set.insert(role) }
            return set
        }
        var route = Route(
            name: "r", path: try PathPattern("/"),
            authentication: .required(IssuerSet(bits: 1), acceptsCertificate: true),
            action: .upstream(0))
        route.rules = rules.map {
            AllowRule(roles: roles($0.0), certificates: CertificateSet(bits: $0.1))
        }
        let policy = CompiledPolicy(routes: [route], roleNames: [])
        let decision = policy.authorise(
            route: 0, roles: roles(UInt64(held)), certificates: CertificateSet(bits: certificates))
        #expect(decision.isAllowed == (reason == .none))
        #expect(decision.reason == reason)
        #expect(Int(decision.rule) == (rule < 0 ? Int(Decision.noIndex) : rule))
        #expect(
            policy.authentication(of: 0)
                == .required(IssuerSet(bits: 1), acceptsCertificate: true))
    }
}
