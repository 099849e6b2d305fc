import Authentication
import Crypto
import Primitives
import Testing

/// A change of the good token's claims, and what becomes of it.
struct ClaimCase: CustomTestStringConvertible, Sendable {
    var changes: [String: String?]
    var reason: Reason?
    var testDescription: String { "\(changes) → \(reason.map { "\($0)" } ?? "accepted")" }

    init(_ changes: [String: String?], _ reason: Reason?) {
        self.changes = changes
        self.reason = reason
    }
}

@Suite struct AuthenticatorTests {
    @Test(arguments: [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
        "Ed25519",
    ])
    func `a token that openssl signed is accepted, and nobody else's`(name: String) throws {
        let token = try #require(try TokenVectors.tokens()[name])
        let issuer = Issuer.example(keys: try TokenVectors.keySet()) {
            $0.rolesPath = ["realm_access", "roles"]
        }
        var bench = try Bench([issuer])
        let result = bench.judge(token)
        let found = bench.principal(result)
        let principal = try #require(found)
        var roles = RoleSet()
        roles.insert(0)
        roles.insert(2)
        #expect(principal.roles == roles)
        #expect(principal.ignoredRoles == 1)
        #expect(principal.algorithm == SignatureAlgorithm(name: name))
        #expect(principal.expires == 4_102_444_800)
        let subject = bench.text(result, .subject)
        #expect(subject == "alice")

        // One character of the signature's middle, and one of the claims.
        for place in [token.count - 20, token.count / 3] {
            var characters = Array(token)
            characters[place] = characters[place] == "A" ? "B" : "A"
            let refusal = bench.judge(String(characters)).refusal
            #expect(refusal != nil)
        }
        // The same token under another issuer's keys.
        let maker = try TokenMaker()
        var other = try Bench([.example(keys: try maker.keySet(keyID: "rsa"))])
        let refusal = other.judge(token).refusal
        #expect(refusal == .tokenKeyUnknown || refusal == .tokenKeyUnsuitable)
    }

    @Test func `a PSS salt of another length than the digest is refused`() throws {
        let tokens = try TokenVectors.tokens()
        var bench = try Bench([.example(keys: try TokenVectors.keySet())])
        let refusal = bench.judge(try #require(tokens["PS256-salt-20"])).refusal
        #expect(refusal == .tokenSignatureInvalid)
    }

    @Test func `an RSA key of 1024 bits verifies nothing`() throws {
        let tokens = try TokenVectors.tokens()
        var bench = try Bench([.example(keys: try TokenVectors.keySet())])
        let refusal = bench.judge(try #require(tokens["RS256-1024-bits"])).refusal
        #expect(refusal == .tokenKeyUnknown)
    }

    @Test func `an algorithm that the issuer does not list is refused before any key is asked`()
        throws
    {
        let tokens = try TokenVectors.tokens()
        let issuer = Issuer.example(keys: try TokenVectors.keySet()) { $0.algorithms = [.ES256] }
        var bench = try Bench([issuer])
        for (name, token) in tokens {
            let refusal = bench.judge(token).refusal
            #expect(refusal == (name == "ES256" ? nil : .tokenAlgorithmRefused), "\(name)")
        }
    }

    /// RFC 7519 §4.1 and RFC 9068 §2.2; `now` is 1767225600, the skew 30 seconds.
    static let claimCases: [ClaimCase] = [
        ClaimCase([:], nil),
        ClaimCase(["iss": nil], .tokenClaimMissing),
        ClaimCase(["iss": "\"https://idp.example.com\""], .tokenIssuerUnknown),
        ClaimCase(["iss": "\"https://IDP.example.com/\""], .tokenIssuerUnknown),
        ClaimCase(["iss": "\"https:\\/\\/idp.example.com\\u002f\""], nil),
        ClaimCase(["iss": "[\"https://idp.example.com/\"]"], .tokenClaimInvalid),
        ClaimCase(["aud": nil], .tokenClaimMissing),
        ClaimCase(["aud": "\"https://api.example.com/\""], .tokenAudienceRefused),
        ClaimCase(["aud": "[\"other\",\"https://api.example.com\"]"], nil),
        ClaimCase(["aud": "[\"other\"]"], .tokenAudienceRefused),
        ClaimCase(["aud": "[]"], .tokenAudienceRefused),
        ClaimCase(["aud": "[\"https://api.example.com\",1]"], .tokenClaimInvalid),
        ClaimCase(["aud": "{\"https://api.example.com\":1}"], .tokenClaimInvalid),
        ClaimCase(["aud": "null"], .tokenClaimInvalid),
        ClaimCase(["exp": nil], .tokenExpiryMissing),
        ClaimCase(["exp": "1767225571"], nil),
        ClaimCase(["exp": "1767225570.000001"], nil),
        ClaimCase(["exp": "1767225570"], .tokenExpired),
        ClaimCase(["exp": "1767225569.999999"], .tokenExpired),
        ClaimCase(["exp": "1.767225840e9"], nil),
        ClaimCase(["exp": "-1"], .tokenExpired),
        ClaimCase(["exp": "1e300"], .tokenClaimInvalid),
        ClaimCase(["exp": "\"1767225840\""], .tokenClaimInvalid),
        ClaimCase(["exp": "null"], .tokenClaimInvalid),
        ClaimCase(["exp": "9223372036854"], nil),
        ClaimCase(["nbf": "1767225630"], nil),
        ClaimCase(["nbf": "1767225630.5"], .tokenNotYetValid),
        ClaimCase(["nbf": "1767225631"], .tokenNotYetValid),
        ClaimCase(["nbf": "true"], .tokenClaimInvalid),
        ClaimCase(["iat": "1767225630"], nil),
        ClaimCase(["iat": "1767225631"], .tokenIssuedAtInvalid),
        ClaimCase(["iat": "\"now\""], .tokenClaimInvalid),
        ClaimCase(["iat": nil], .tokenClaimMissing),
        ClaimCase(["sub": nil], .tokenClaimMissing),
        ClaimCase(["sub": "\"\""], .tokenClaimInvalid),
        ClaimCase(["sub": "7"], .tokenClaimInvalid),
        ClaimCase(["sub": "\"a\\r\\nX-Admin: 1\""], .tokenClaimInvalid),
        ClaimCase(["sub": "\"a\\u0000b\""], .tokenClaimInvalid),
        ClaimCase(["sub": "\"" + String(repeating: "x", count: 255) + "\""], nil),
        ClaimCase(["sub": "\"" + String(repeating: "x", count: 256) + "\""], .tokenSubjectTooLong),
        ClaimCase(["sub": "\"" + String(repeating: "x", count: 2000) + "\""], .tokenSubjectTooLong),
        ClaimCase(["client_id": nil], .tokenClaimMissing),
        ClaimCase(["client_id": "[]"], .tokenClaimInvalid),
        ClaimCase(["jti": nil], .tokenClaimMissing),
        ClaimCase(["jti": "\"" + String(repeating: "x", count: 256) + "\""], .tokenClaimInvalid),
        ClaimCase(["cnf": "{\"jkt\":\"x\"}"], .tokenBindingUnsupported),
        ClaimCase(["cnf": "null"], .tokenBindingUnsupported),
        ClaimCase(["at_hash": "\"x\""], .tokenTypeRefused),
        ClaimCase(["events": "{}"], .tokenTypeRefused),
        ClaimCase(["roles": nil], nil),
        ClaimCase(["roles": "null"], nil),
        ClaimCase(["roles": "[]"], nil),
        ClaimCase(["roles": "7"], .tokenClaimInvalid),
        ClaimCase(["roles": "[\"reader\",7]"], .tokenClaimInvalid),
        ClaimCase(["roles": "[[\"reader\"]]"], .tokenClaimInvalid),
        ClaimCase(["roles": "{\"reader\":true}"], .tokenClaimInvalid),
        ClaimCase(["x": "[[[[[[[1]]]]]]]"], nil),
        ClaimCase(["x": "[[[[[[[[1]]]]]]]]"], .tokenTooDeep),
        ClaimCase(["x": "1,\"x\":2"], .tokenDuplicateMember),
        ClaimCase(["x": "{\"y\":1,\"\\u0079\":2}"], .tokenDuplicateMember),
        ClaimCase(["x": "1,\"s\\u0075b\":\"mallory\""], .tokenDuplicateMember),
        ClaimCase(["x": "01"], .tokenMalformed),
        ClaimCase(["x": "\"\\ud800\""], .tokenMalformed),
    ]

    @Test(arguments: claimCases)
    func `claims decide`(example: ClaimCase) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims(example.changes))
        let result = bench.judge(token)
        #expect(result.refusal == example.reason)
    }

    @Test(arguments: ["[]", "\"x\"", "", "{", "{}x", "\u{FEFF}{}"])
    func `claims that are no JSON object are refused`(claims: String) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let refusal = bench.judge(try maker.token(claims: claims)).refusal
        #expect(refusal == .tokenMalformed)
    }

    @Test func `more members than the limit are refused`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let members = (0..<257).map { "\"a\($0)\":1" }.joined(separator: ",")
        let refusal = bench.judge(try maker.token(claims: "{\(members)}")).refusal
        #expect(refusal == .tokenTooLarge)
    }

    @Test func `an age limit needs iat and holds whatever exp says`() throws {
        let maker = try TokenMaker()
        let issuer = Issuer.example(keys: try maker.keySet()) {
            $0.maxAgeSeconds = 3600
            $0.tokenType = .any
        }
        var bench = try Bench([issuer])
        let cases: [(String?, Reason?)] = [
            ("1767222000", nil), ("1767221971", nil), ("1767221970", .tokenTooOld),
            ("1", .tokenTooOld), (nil, .tokenClaimMissing),
        ]
        for (issuedAt, reason) in cases {
            let claims = TokenMaker.claims(["iat": issuedAt, "exp": "9000000000"])
            let refusal = bench.judge(try maker.token(claims: claims)).refusal
            #expect(refusal == reason, "iat \(issuedAt ?? "missing")")
        }
    }

    @Test func `texts of the token are answered, escapes resolved`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let claims = TokenMaker.claims(["sub": "\"al\\u00efce\"", "jti": "\"\\/1\""])
        let result = bench.judge(try maker.token(claims: claims))
        let texts = [
            bench.text(result, .subject), bench.text(result, .clientID),
            bench.text(result, .tokenID), bench.text(result, .keyID),
        ]
        #expect(texts == ["alïce", "console", "/1", "k1"])
    }

    @Test func `subject and roles are where the issuer's paths say`() throws {
        let maker = try TokenMaker()
        let issuer = Issuer.example(keys: try maker.keySet()) {
            $0.subjectPath = ["user", "name"]
            $0.rolesPath = ["https://example.com/scope"]
        }
        var bench = try Bench([issuer])
        let claims = TokenMaker.claims([
            "user": "{\"id\":1,\"name\":\"bob\"}",
            "https://example.com/scope": "\"  writer other  admin\"",
        ])
        let result = bench.judge(try maker.token(claims: claims))
        let subject = bench.text(result, .subject)
        let found = bench.principal(result)
        let principal = try #require(found)
        var roles = RoleSet()
        roles.insert(1)
        roles.insert(2)
        #expect(subject == "bob")
        #expect(principal.roles == roles)
        #expect(principal.ignoredRoles == 1)
        // A path through something that is no object leads nowhere.
        let other = bench.judge(try maker.token(claims: TokenMaker.claims(["user": "[\"name\"]"])))
        #expect(other.refusal == .tokenClaimMissing)
    }

    @Test func `a role in an array is taken whole`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let claims = TokenMaker.claims(["roles": "[\"reader admin\",\"Reader\",\"reade\"]"])
        let found = bench.principal(bench.judge(try maker.token(claims: claims)))
        let principal = try #require(found)
        #expect(principal.roles.isEmpty)
        #expect(principal.ignoredRoles == 3)
    }

    @Test func `the route's issuers decide, also between two of one name`() throws {
        let maker = try TokenMaker()
        let keys = try maker.keySet()
        var bench = try Bench([
            .example(keys: keys) { $0.audiences = ["other"] },
            .example(keys: keys),
            .example(keys: keys) { $0.issuer = "https://partner.example/" },
        ])
        let token = try maker.token(claims: TokenMaker.claims())
        let cases: [(UInt64, Reason?)] = [
            (0b001, .tokenAudienceRefused), (0b010, nil), (0b100, .tokenIssuerNotAccepted),
            (0, .tokenIssuerNotAccepted), (0b111, .tokenAudienceRefused),
        ]
        for _ in 0..<2 {
            for (bits, reason) in cases.dropLast() {
                let result = bench.judge(token, accepting: IssuerSet(bits: bits))
                #expect(result.refusal == reason, "issuers \(bits)")
            }
        }
    }

    @Test func `a token is only good under the keys of the issuer it names`() throws {
        let mine = try TokenMaker(seed: 7)
        let theirs = try TokenMaker(seed: 8)
        var bench = try Bench([
            .example(keys: try mine.keySet()),
            .example(keys: try theirs.keySet()) { $0.issuer = "https://partner.example/" },
        ])
        let forged = try theirs.token(claims: TokenMaker.claims())
        let refusal = bench.judge(forged).refusal
        #expect(refusal == .tokenSignatureInvalid)
        let own = try theirs.token(
            claims: TokenMaker.claims(["iss": "\"https://partner.example/\""]))
        let principal = bench.principal(bench.judge(own))
        #expect(principal?.issuer == 1)
    }

    @Test func `the thumbprint is the token's SHA-256`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        let principal = bench.principal(bench.judge(token))
        var sha = try SHA256(bench.library)
        let digest = sha.digest(Array(token.utf8).span)
        #expect(principal?.thumbprint == digest)
    }
}
