import Authentication
import Primitives
import Testing

@Suite struct TokenBindingTests {
    private static let digest = Digest256(words: (1, 2, 3, .max))
    /// `digest` in base64url.
    private static let text: String = {
        var buffer = ByteBuffer(capacity: 32)
        buffer.write { $0.append(digest) }
        return Base64URL.encode(buffer.span)
    }()

    @Test(
        arguments: [
            ("{\"x5t#S256\":\"\(text)\"}", nil),
            ("{\"x5t\\u0023S256\":\"\(text)\"}", nil),
            ("{}", .tokenBindingUnsupported), ("[]", .tokenBindingUnsupported),
            ("\"\(text)\"", .tokenBindingUnsupported),
            // Whatever else must be proved stays unproved.
            ("{\"x5t#S256\":\"\(text)\",\"jkt\":\"x\"}", .tokenBindingUnsupported),
            ("{\"jkt\":\"x\",\"x5t#S256\":\"\(text)\"}", .tokenBindingUnsupported),
            ("{\"x5t#s256\":\"\(text)\"}", .tokenBindingUnsupported),
            ("{\"x5t\":\"\(text)\"}", .tokenBindingUnsupported),
            ("{\"x5t#S256\":\"\(text)\",\"x5t#S256\":\"\(text)\"}", .tokenDuplicateMember),
            ("{\"x5t#S256\":7}", .tokenClaimInvalid), ("{\"x5t#S256\":null}", .tokenClaimInvalid),
            ("{\"x5t#S256\":\"\"}", .tokenClaimInvalid),
            ("{\"x5t#S256\":\"\(text)=\"}", .tokenClaimInvalid),
            ("{\"x5t#S256\":\"\(text.dropLast())\"}", .tokenClaimInvalid),
            ("{\"x5t#S256\":\"+\(text.dropFirst())\"}", .tokenClaimInvalid),
        ] as [(String, Reason?)])
    func `a token is bound to a certificate or refused`(claim: String, reason: Reason?) throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims(["cnf": claim]))
        for _ in 0..<2 {
            let refusal = bench.judge(token, certificate: Self.digest).refusal
            #expect(refusal == reason)
        }
    }

    @Test func `a bound token is good only beside its certificate, also when it is remembered`()
        throws
    {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let bound = try maker.token(
            claims: TokenMaker.claims(["cnf": "{\"x5t#S256\":\"\(Self.text)\"}"]))
        let others: [Digest256?] = [
            nil, .zero, Digest256(words: (0, 2, 3, .max)), Digest256(words: (1, 2, 3, .max - 1)),
        ]
        for other in others {
            let refusal = bench.judge(bound, certificate: other).refusal
            #expect(refusal == .tokenBindingMismatch)
        }
        for _ in 0..<2 {
            let isHit = bench.judge(bound, certificate: Self.digest).isHit
            #expect(isHit == true)
            for other in others {
                let refusal = bench.judge(bound, certificate: other).refusal
                #expect(refusal == .tokenBindingMismatch)
            }
        }
    }

    @Test func `a bearer token is good beside any certificate`() throws {
        let maker = try TokenMaker()
        var bench = try Bench([.example(keys: try maker.keySet())])
        let token = try maker.token(claims: TokenMaker.claims())
        for certificate in [nil, Self.digest, .zero] {
            let refusal = bench.judge(token, certificate: certificate).refusal
            #expect(refusal == nil)
        }
    }
}
