import Authentication
import Crypto
import Foundation
import Primitives

/// An issuer for tests: signs whatever it is asked to with one Ed25519 key.
struct TokenMaker: ~Copyable {
    static let issuer = "https://idp.example.com/"
    static let audience = "https://api.example.com"
    /// 2026-01-01; tokens of `claims` were issued a minute before and last five.
    static let now = WallTime(microseconds: 1_767_225_600_000_000)

    let key: SigningKey

    init(seed: UInt8 = 7) throws {
        key = try SigningKey(seed: [UInt8](repeating: seed, count: 32).span)
    }

    /// The issuer's key set.
    func keySet(keyID: String = "k1") throws -> JSONWebKeySet {
        let publicKey = key.publicKey
        let x = Base64URL.encode(publicKey.span)
        let json =
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"\(keyID)\",\"x\":\"\(x)\"}]}"
        return try JSONWebKeySet(json: Array(json.utf8))
    }

    /// The key set of an issuer whose tokens do not matter.
    static func exampleKeys() throws -> JSONWebKeySet {
        let maker = try TokenMaker()
        return try maker.keySet()
    }

    /// A token of these two texts, whatever they are, with a good signature.
    func token(header: String = TokenMaker.header, claims: String) throws -> String {
        let message = TokenMaker.message(header: header, claims: claims)
        let signature = try key.sign(Array(message.utf8).span)
        return message + "." + Base64URL.encode(signature.span)
    }

    static let header = "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"

    static func message(header: String, claims: String) -> String {
        Base64URL.encode(Array(header.utf8).span) + "." + Base64URL.encode(Array(claims.utf8).span)
    }

    /// The claims of a good access token, each replaced by the JSON in `changes`, or left out
    /// where that is nil.
    static func claims(_ changes: [String: String?] = [:]) -> String {
        var members: [String: String?] = [
            "iss": "\"\(issuer)\"", "aud": "\"\(audience)\"", "sub": "\"alice\"",
            "client_id": "\"console\"", "jti": "\"t1\"", "iat": "1767225540", "exp": "1767225840",
            "roles": "[\"reader\",\"admin\",\"unlisted\"]",
        ]
        for (name, value) in changes { members[name] = .some(value) }
        let texts = members.keys.sorted().compactMap { name in
            members[name].flatMap { $0 }.map { "\"\(name)\":\($0)" }
        }
        return "{" + texts.joined(separator: ",") + "}"
    }
}

/// The tokens and keys that make_tokens.py made with openssl.
enum TokenVectors {
    private static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Vectors/tokens")

    static func keySet() throws -> JSONWebKeySet {
        let data = try Data(contentsOf: directory.appendingPathComponent("jwks.json"))
        return try JSONWebKeySet(json: Array(data))
    }

    static func tokens() throws -> [String: String] {
        let text = try String(
            contentsOf: directory.appendingPathComponent("tokens.txt"), encoding: .utf8)
        var tokens: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "\t")
            tokens[String(parts[0])] = String(parts[1])
        }
        return tokens
    }
}

extension Issuer {
    /// An issuer as tests mostly want it.
    static func example(
        keys: JSONWebKeySet, _ change: (inout Issuer) -> Void = { _ in }
    ) -> Issuer {
        var issuer = Issuer(
            name: "corp", issuer: TokenMaker.issuer, audiences: [TokenMaker.audience],
            algorithms: SignatureAlgorithm.allCases, keys: keys)
        change(&issuer)
        return issuer
    }
}

/// An authenticator with the library it needs.
struct Bench: ~Copyable {
    let library: CryptoLibrary
    var authenticator: Authenticator

    init(
        _ issuers: [Issuer], roleNames: [String] = ["reader", "writer", "admin"],
        limits: TokenLimits = TokenLimits(), cacheSlots: Int = 16
    ) throws {
        let library = try CryptoLibrary()
        authenticator = try Authenticator(
            AuthenticationSettings(issuers: issuers, roleNames: roleNames, limits: limits),
            cacheSlots: cacheSlots, library: library)
        self.library = library
    }

    mutating func judge(
        _ token: String, scheme: String = "Bearer ", accepting: IssuerSet = IssuerSet(bits: .max),
        certificate: Digest256? = nil, now: WallTime = TokenMaker.now
    ) -> AuthenticationResult {
        authenticator.authenticate(
            Array((scheme + token).utf8).span, accepting: accepting, certificate: certificate,
            now: now)
    }

    func text(_ result: AuthenticationResult, _ what: PrincipalText) -> String? {
        guard case .authenticated(let slot, _) = result else { return nil }
        return authenticator.text(slot, what).text()
    }

    func principal(_ result: AuthenticationResult) -> Principal? {
        guard case .authenticated(let slot, _) = result else { return nil }
        return authenticator.principal(slot)
    }
}

extension AuthenticationResult {
    var refusal: Reason? {
        guard case .refused(let reason) = self else { return nil }
        return reason
    }

    var isHit: Bool? {
        guard case .authenticated(_, let isCacheHit) = self else { return nil }
        return isCacheHit
    }
}
