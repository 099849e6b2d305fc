import Authentication
import Crypto
import Primitives

/// An issuer whose tokens are good at second 0, when `FlowBench` judges.
struct FlowIssuer: ~Copyable {
    private let key: SigningKey
    /// The issuer as it is configured.
    let issuer: Issuer

    init() throws {
        let key = try SigningKey(seed: [UInt8](repeating: 9, count: 32).span)
        let publicKey = key.publicKey
        let x = Base64URL.encode(publicKey.span)
        let json = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"\(x)\"}]}"
        issuer = Issuer(
            name: "corp", issuer: "i", audiences: ["a"], algorithms: [.EdDSA], tokenType: .any,
            keys: try JSONWebKeySet(json: Array(json.utf8)))
        self.key = key
    }

    /// A token of `subject`, bound to the certificate with the digest `bound`, if to any.
    func token(
        subject: String = "alice", roles: [String] = [], bound: Digest256? = nil
    ) throws -> String {
        let list = roles.map { "\"\($0)\"" }.joined(separator: ",")
        var claims =
            "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"\(subject)\",\"exp\":4000,\"roles\":[\(list)]"
        if let bound {
            var buffer = ByteBuffer(capacity: 32)
            buffer.write { $0.append(bound) }
            claims += ",\"cnf\":{\"x5t#S256\":\"\(Base64URL.encode(buffer.span))\"}"
        }
        claims += "}"
        let header = "{\"alg\":\"EdDSA\",\"kid\":\"k\"}"
        let message =
            Base64URL.encode(Array(header.utf8).span) + "."
            + Base64URL.encode(Array(claims.utf8).span)
        let signature = try key.sign(Array(message.utf8).span)
        return message + "." + Base64URL.encode(signature.span)
    }
}
