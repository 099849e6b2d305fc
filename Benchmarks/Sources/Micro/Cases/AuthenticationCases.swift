import Authentication
import Crypto
import Primitives

/// A token that the cache knows, and tokens that it does not.
enum AuthenticationCases {
    static let now = WallTime(microseconds: 1_800_000_000_000_000)

    static func run(_ harness: inout Harness) throws {
        guard harness.wantsGroup("token") else { return }
        let issuer = Issuer(
            name: "corp", issuer: "https://idp.example.com/",
            audiences: ["https://api.example.com"], algorithms: [.RS256, .ES256],
            keys: try JSONWebKeySet(json: Array(SampleTokens.keySet.utf8)))
        let settings = AuthenticationSettings(issuers: [issuer], roleNames: ["reader", "admin"])
        let library = try CryptoLibrary()

        var cached = try Authenticator(settings, library: library)
        let known = Array("Bearer \(SampleTokens.rs256[0])".utf8)
        harness.measure("token cache hit, \(known.count) bytes") { count in
            for _ in 0..<count { authenticate(&cached, known.span, isCacheHit: true) }
        }
        // One set of four slots and nine tokens in turn: none of them is ever found.
        var forgetful = try Authenticator(settings, cacheSlots: 1, library: library)
        for (name, tokens) in [("RS256", SampleTokens.rs256), ("ES256", SampleTokens.es256)] {
            let values = tokens.map { Array("Bearer \($0)".utf8) }
            var turn = 0
            harness.measure("token cache miss, \(name)") { count in
                for _ in 0..<count {
                    turn += 1
                    let value = values[turn % values.count]
                    authenticate(&forgetful, value.span, isCacheHit: false)
                }
            }
        }
    }

    @inline(__always)
    private static func authenticate(
        _ authenticator: inout Authenticator, _ value: Span<UInt8>, isCacheHit: Bool
    ) {
        let accepting = IssuerSet(bits: 1)
        switch authenticator.authenticate(value, accepting: accepting, now: now) {
        case .authenticated(let slot, let wasHit):
            // A hit is expected to stay one; the first call of a warm-up is a miss.
            precondition(isCacheHit || !wasHit)
            keep(slot)
        case .refused(let reason):
            preconditionFailure("refused: \(reason)")
        }
    }
}
