import Authentication
import Crypto
import Primitives
import Testing

@Suite struct TokenCacheTests {
    @Test func `a token is verified once and remembered`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        let first = bench.judge(token)
        let second = bench.judge(token)
        #expect(first.isHit == false)
        #expect(second.isHit == true)
        let subject = bench.text(second, .subject)
        #expect(subject == "alice")
        let (hits, misses) = (bench.authenticator.hits, bench.authenticator.misses)
        #expect(hits == 1 && misses == 1)
    }

    @Test func `a token longer than a slot is remembered by its digest`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let filler = String(repeating: "x", count: 3000)
        let token = try maker.token(claims: TokenMaker.claims(["filler": "\"\(filler)\""]))
        let first = bench.judge(token)
        let second = bench.judge(token)
        #expect(first.isHit == false)
        #expect(second.isHit == true)
    }

    /// The cache looks a token up by its signature; everything else must be compared, too.
    @Test(arguments: [10, 3000])
    func `another token with the same signature is never taken for a remembered one`(
        fillerCount: Int
    ) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let filler = "\"" + String(repeating: "x", count: fillerCount) + "\""
        let claims = TokenMaker.claims(["sub": "\"alice\"", "filler": filler])
        let token = try maker.token(claims: claims)
        let first = bench.judge(token).refusal
        #expect(first == nil)
        let signature = try #require(token.split(separator: ".").last)
        let forged =
            TokenMaker.message(
                header: TokenMaker.header,
                claims: TokenMaker.claims(["sub": "\"admin\"", "filler": filler])) + "."
            + signature
        #expect(forged.count == token.count)
        let refusal = bench.judge(forged).refusal
        #expect(refusal == .tokenSignatureInvalid)
        // Each single byte counts.
        for place in stride(from: 0, to: token.count, by: 17) {
            var bytes = Array(token)
            bytes[place] = bytes[place] == "A" ? "B" : "A"
            let result = bench.judge(String(bytes))
            #expect(result.isHit != true, "byte \(place)")
        }
    }

    @Test func `a remembered token expires, to the microsecond`() throws {
        let maker = try TokenMaker()
        let issuer = Issuer.example(keys: try maker.keySet()) { $0.maxAgeSeconds = 3600 }
        var bench = try Bench([issuer])
        let expiry: Int64 = (1_767_225_840 + 30) * 1_000_000
        let token = try maker.token(claims: TokenMaker.claims())
        let moments: [(Int64, Reason?, Bool?)] = [
            (TokenMaker.now.microseconds, nil, false), (expiry - 1, nil, true),
            (expiry, .tokenExpired, nil), (expiry + 1, .tokenExpired, nil),
            (TokenMaker.now.microseconds, nil, false),
        ]
        for (moment, reason, isHit) in moments {
            let result = bench.judge(token, now: WallTime(microseconds: moment))
            #expect(result.refusal == reason)
            #expect(result.isHit == isHit)
        }
    }

    @Test func `a remembered token gets too old, and is not valid before its time`() throws {
        let maker = try TokenMaker()
        let issuer = Issuer.example(keys: try maker.keySet()) { $0.maxAgeSeconds = 100 }
        var bench = try Bench([issuer])
        let token = try maker.token(claims: TokenMaker.claims(["nbf": "1767225590"]))
        let cases: [(Int64, Reason?)] = [
            (1_767_225_600, nil), (1_767_225_669, nil), (1_767_225_559, .tokenNotYetValid),
            (1_767_225_670, .tokenTooOld),
        ]
        for (second, reason) in cases {
            let now = WallTime(microseconds: second * 1_000_000)
            let refusal = bench.judge(token, now: now).refusal
            #expect(refusal == reason)
        }
    }

    @Test func `other settings make everything remembered stale`() throws {
        let maker = try TokenMaker()
        let keys = try maker.keySet()
        var bench = try Bench([.example(keys: keys)])
        let token = try maker.token(claims: TokenMaker.claims())
        _ = bench.judge(token)
        let settings = AuthenticationSettings(
            issuers: [.example(keys: keys)], roleNames: ["admin"],
            generation: SettingsGeneration(number: 2))
        try bench.authenticator.adopt(settings, library: bench.library)
        let again = bench.judge(token)
        #expect(again.isHit == false)
        let roles = bench.principal(again)?.roles
        var admin = RoleSet()
        admin.insert(0)
        #expect(roles == admin)

        let withoutKeys = AuthenticationSettings(
            issuers: [.example(keys: JSONWebKeySet())], roleNames: [],
            generation: SettingsGeneration(number: 3))
        try bench.authenticator.adopt(withoutKeys, library: bench.library)
        let refusal = bench.judge(token).refusal
        #expect(refusal == .tokenKeyUnknown)
    }

    @Test func `a remembered token is refused on a route of other issuers`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        _ = bench.judge(token)
        let refusal = bench.judge(token, accepting: IssuerSet(bits: 0b10)).refusal
        #expect(refusal == .tokenIssuerNotAccepted)
        let result = bench.judge(token, accepting: IssuerSet(bits: 0b01))
        #expect(result.isHit == true)
    }

    @Test func `a full cache stays bounded and right, and what is refused is not remembered`()
        throws
    {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())], cacheSlots: 8)
        var slots = Set<Int>()
        for round in 0..<2 {
            for number in 0..<40 {
                let claims = TokenMaker.claims(["sub": "\"user-\(number)\""])
                let result = bench.judge(try maker.token(claims: claims))
                let subject = bench.text(result, .subject)
                #expect(subject == "user-\(number)", "round \(round)")
                if case .authenticated(let slot, _) = result { slots.insert(slot) }
            }
        }
        #expect(slots.count <= 8)
        let mallory = try TokenMaker(seed: 9)
        let forged = try mallory.token(claims: TokenMaker.claims())
        let misses = bench.authenticator.misses
        for _ in 0..<3 {
            let refusal = bench.judge(forged).refusal
            #expect(refusal == .tokenSignatureInvalid)
        }
        let later = bench.authenticator.misses
        #expect(later == misses + 3)
    }

    @Test func `the token used least recently makes room`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())], cacheSlots: 4)
        let tokens = try (0..<5).map { number in
            try maker.token(claims: TokenMaker.claims(["sub": "\"user-\(number)\""]))
        }
        for token in tokens.prefix(4) { _ = bench.judge(token) }
        _ = bench.judge(tokens[0])
        _ = bench.judge(tokens[4])
        let kept = bench.judge(tokens[0])
        let lost = bench.judge(tokens[1])
        #expect(kept.isHit == true)
        #expect(lost.isHit == false)
    }
}
