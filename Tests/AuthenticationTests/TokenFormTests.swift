import Authentication
import Crypto
import Primitives
import Testing

/// What is refused by a credential's form and a token's header, before any claim counts.
@Suite struct TokenFormTests {
    @Test(
        arguments: [
            ("", "", .tokenMissing), ("Basic ", "YTpi", .tokenSchemeUnsupported),
            ("DPoP ", "x", .tokenSchemeUnsupported), ("Bearerx ", "x", .tokenSchemeUnsupported),
            ("Bear", "", .tokenSchemeUnsupported), ("Bearer", "", .tokenMalformed),
            ("Bearer  ", "", .tokenMalformed), ("Bearer\t", "x", .tokenSchemeUnsupported),
            ("Bearer ", "x", .tokenMalformed), ("Bearer ", "a.b", .tokenMalformed),
            ("Bearer ", "a.b.c.d", .tokenMalformed), ("Bearer ", "a.b.c.d.e", .tokenEncrypted),
            ("Bearer ", "....", .tokenEncrypted), ("Bearer ", "a.b.c.d.e.f", .tokenMalformed),
            ("Bearer ", "..", .tokenMalformed), ("Bearer ", ".b.c", .tokenMalformed),
            ("Bearer ", "a..c", .tokenMalformed), ("Bearer ", "e30.e30.e", .tokenHeaderInvalid),
        ] as [(String, String, Reason)])
    func `a credential of a wrong form is refused`(
        scheme: String, token: String, reason: Reason
    ) throws {
        var bench = try Bench([.example(keys: try TokenMaker.exampleKeys())])
        let refusal = bench.judge(token, scheme: scheme).refusal
        #expect(refusal == reason)
    }

    @Test(arguments: ["Bearer ", "bearer ", "BEARER  ", "bEaReR   "])
    func `the scheme's letter case and its spaces do not matter`(scheme: String) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        let refusal = bench.judge(token, scheme: scheme).refusal
        #expect(refusal == nil)
    }

    @Test(arguments: ["=", " ", "==", "\n", ",x", "%3D", "+", "\0"])
    func `nothing may be added to a token`(tail: String) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        let first = bench.judge(token).refusal
        #expect(first == nil)
        let refusal = bench.judge(token + tail).refusal
        #expect(refusal == .tokenMalformed)
    }

    @Test func `no beginning of a token is accepted`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        for count in 0..<token.count {
            let refusal = bench.judge(String(token.prefix(count))).refusal
            #expect(refusal != nil, "\(count) bytes")
        }
    }

    @Test func `bits that a last character leaves over must be zero`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        // 64 bytes end in one character of which two bits count.
        let token = try maker.token(claims: TokenMaker.claims())
        let last = try #require(token.last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let place = try #require(alphabet.firstIndex(of: last))
        let refusal = bench.judge(String(token.dropLast()) + String(alphabet[place + 1])).refusal
        #expect(refusal == .tokenMalformed)
    }

    @Test func `a token past the size limit is refused before it is read`() throws {
        let maker = try TokenMaker()
        var limits = TokenLimits()
        limits.tokenBytes = 400
        var bench = try Bench([.example(keys: try maker.keySet())], limits: limits)
        let refusal = bench.judge(String(repeating: "a", count: 401)).refusal
        let other = bench.judge(String(repeating: "a", count: 400)).refusal
        #expect(refusal == .tokenTooLarge)
        #expect(other == .tokenMalformed)
    }

    static let headers: [(String, Reason?)] = [
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", nil),
        ("{\"alg\":\"Ed25519\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", nil),
        ("{\"alg\":\"EdDSA\",\"typ\":\"AT+JWT\"}", nil),
        ("{\"alg\":\"EdDSA\",\"typ\":\"application/at+jwt\"}", nil),
        ("{\"alg\":\"EdDSA\",\"typ\":\"Application/AT+JWT\"}", nil),
        ("{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":\"\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":\"application/\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":\"logout+jwt\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at\\u002bjwt\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\"}", .tokenTypeRefused),
        ("{\"alg\":\"EdDSA\",\"typ\":1}", .tokenHeaderInvalid),
        ("{\"alg\":\"none\",\"typ\":\"at+jwt\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"NONE\",\"typ\":\"at+jwt\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"\",\"typ\":\"at+jwt\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"eddsa\",\"typ\":\"at+jwt\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"Ed\\u0044SA\",\"typ\":\"at+jwt\"}", .tokenAlgorithmRefused),
        ("{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", .tokenKeyUnsuitable),
        ("{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", .tokenKeyUnsuitable),
        ("{\"alg\":[\"EdDSA\"],\"typ\":\"at+jwt\"}", .tokenHeaderInvalid),
        ("{\"typ\":\"at+jwt\"}", .tokenHeaderInvalid),
        (
            "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"crit\":[\"exp\"],\"exp\":1}",
            .tokenCritUnsupported
        ),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"crit\":[]}", .tokenCritUnsupported),
        (
            "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"b64\":false,\"crit\":[\"b64\"]}",
            .tokenCritUnsupported
        ),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"b64\":false}", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"zip\":\"DEF\"}", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"enc\":\"A128GCM\"}", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k2\"}", .tokenKeyUnknown),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}", .tokenKeyUnknown),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"../../k1\"}", .tokenKeyUnknown),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1' OR '1'='1\"}", .tokenKeyUnknown),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\\u006b1\"}", nil),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":1}", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"alg\":\"none\",\"typ\":\"at+jwt\"}", .tokenDuplicateMember),
        ("{\"alg\":\"EdDSA\",\"\\u0061lg\":\"EdDSA\",\"typ\":\"at+jwt\"}", .tokenDuplicateMember),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"x\":[[[[[[[[1]]]]]]]]}", .tokenTooDeep),
        ("[\"EdDSA\"]", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"", .tokenHeaderInvalid),
        ("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"} x", .tokenHeaderInvalid),
    ]

    @Test(arguments: headers)
    func `a header decides`(header: String, reason: Reason?) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(header: header, claims: TokenMaker.claims())
        let refusal = bench.judge(token).refusal
        #expect(refusal == reason)
    }

    @Test(
        arguments: [
            ("\"JWT\"", nil), ("\"jwt\"", nil), ("\"application/jwt\"", nil), ("\"at+jwt\"", nil),
            (nil, nil), ("\"dpop+jwt\"", .tokenTypeRefused), ("\"logout+jwt\"", .tokenTypeRefused),
            ("\"secevent+jwt\"", .tokenTypeRefused), ("\"jwt\\n\"", .tokenTypeRefused),
        ] as [(String?, Reason?)])
    func `where any type is accepted, a token that says it is another kind is not`(
        type: String?, reason: Reason?
    ) throws {
        let maker = try TokenMaker()
        let issuer = Issuer.example(keys: try maker.keySet()) { $0.tokenType = .any }
        var bench = try Bench([issuer])
        let header = "{\"alg\":\"EdDSA\"" + (type.map { ",\"typ\":\($0)" } ?? "") + "}"
        let claims = TokenMaker.claims(["client_id": nil, "jti": nil, "azp": "\"web\""])
        let result = bench.judge(try maker.token(header: header, claims: claims))
        #expect(result.refusal == reason)
        if reason == nil {
            let clientID = bench.text(result, .clientID)
            #expect(clientID == "web")
        }
    }

    @Test func `keys that a token brings along are not listened to`() throws {
        let maker = try TokenMaker(seed: 7)
        let mallory = try TokenMaker(seed: 9)
        var bench = try Bench([.example(keys: try maker.keySet())])
        let publicKey = mallory.key.publicKey
        let x = Base64URL.encode(publicKey.span)
        for extra in [
            "\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)\"}",
            "\"jku\":\"https://mallory.example/keys\"", "\"x5u\":\"https://mallory.example/c\"",
            "\"x5c\":[\"MIIB\"]",
        ] {
            let header = "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\(extra)}"
            let forged = try mallory.token(header: header, claims: TokenMaker.claims())
            let refusal = bench.judge(forged).refusal
            #expect(refusal == .tokenSignatureInvalid)
            let own = try maker.token(header: header, claims: TokenMaker.claims())
            let other = bench.judge(own).refusal
            #expect(other == nil)
        }
    }

    @Test func `an unsecured token is refused for its algorithm`() throws {
        var bench = try Bench([.example(keys: try TokenMaker.exampleKeys())])
        for algorithm in ["none", "None", "nOnE"] {
            let message = TokenMaker.message(
                header: "{\"alg\":\"\(algorithm)\"}", claims: TokenMaker.claims())
            let refusal = bench.judge(message + ".").refusal
            #expect(refusal == .tokenAlgorithmRefused)
        }
        let message = TokenMaker.message(header: TokenMaker.header, claims: TokenMaker.claims())
        let refusal = bench.judge(message + ".").refusal
        #expect(refusal == .tokenSignatureInvalid)
    }

    /// RFC 8725 §2.1: the public key's text as an HMAC secret. There is no HMAC at all.
    @Test func `a public key is never a shared secret`() throws {
        var bench = try Bench([.example(keys: try TokenVectors.keySet())])
        for algorithm in ["HS256", "HS384", "HS512"] {
            let message = TokenMaker.message(
                header: "{\"alg\":\"\(algorithm)\",\"typ\":\"at+jwt\",\"kid\":\"rsa\"}",
                claims: TokenMaker.claims())
            let refusal = bench.judge(message + ".AAAA").refusal
            #expect(refusal == .tokenAlgorithmRefused)
        }
    }

    @Test func `without a key id no more keys are tried than the limit`() throws {
        let seeds: [UInt8] = [1, 2, 3, 4, 5, 6]
        var json: [String] = []
        for seed in seeds {
            let maker = try TokenMaker(seed: seed)
            let publicKey = maker.key.publicKey
            let x = Base64URL.encode(publicKey.span)
            json.append("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)\"}")
        }
        let keys = try JSONWebKeySet(
            json: Array("{\"keys\":[\(json.joined(separator: ","))]}".utf8))
        var bench = try Bench([.example(keys: keys)])
        for seed in seeds {
            let maker = try TokenMaker(seed: seed)
            let token = try maker.token(
                header: "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", claims: TokenMaker.claims())
            let refusal = bench.judge(token).refusal
            #expect(refusal == (seed <= 4 ? nil : .tokenSignatureInvalid))
        }
    }
}
