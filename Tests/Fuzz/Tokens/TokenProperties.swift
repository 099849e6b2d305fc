import Authentication
import Crypto
import Primitives

/// What must hold of a credential, whatever the bytes are.
///
/// An input is header, claims and signature with a line feed between: they are put together here,
/// so that a fuzzer changes JSON instead of base64url. What has no line feed is taken as it is.
public enum TokenProperties {
    /// A fixed key: inputs whose signature is `!` are signed with it.
    private static let seed = [UInt8](repeating: 7, count: 32)

    /// Checks every property on `bytes`; a violation traps.
    public static func check(_ bytes: [UInt8]) {
        guard var fixture = try? Fixture() else { preconditionFailure("no fixture") }
        let credential = fixture.credential(bytes)
        let now = WallTime(microseconds: 1_767_225_600_000_000)
        let everyone = IssuerSet(bits: .max)
        let first = fixture.authenticator.authenticate(
            credential.span, accepting: everyone, now: now)
        let second = fixture.authenticator.authenticate(
            credential.span, accepting: everyone, now: now)
        switch (first, second) {
        case (.refused(let one), .refused(let other)):
            precondition(one == other && one != .none)
        case (.authenticated(let slot, let isHit), .authenticated(let same, let isOtherHit)):
            // Only what our key signed can pass; then it is remembered in the same place.
            precondition(fixture.isSigned && slot == same && !isHit && isOtherHit)
            fixture.checkPrincipal(slot)
        default:
            preconditionFailure("one credential was judged in two ways")
        }
        let nobody = fixture.authenticator.authenticate(
            credential.span, accepting: IssuerSet(), now: now)
        guard case .refused = nobody else { preconditionFailure("nobody accepts it") }
    }

    private static let keys: JSONWebKeySet? = {
        guard let key = try? SigningKey(seed: seed.span) else { return nil }
        let publicKey = key.publicKey
        let x = Base64URL.encode(publicKey.span)
        let json =
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k1\",\"x\":\"\(x)\"}]}"
        return try? JSONWebKeySet(json: Array(json.utf8))
    }()

    private struct Fixture: ~Copyable {
        let library: CryptoLibrary
        let key: SigningKey
        var authenticator: Authenticator
        var isSigned = false

        init() throws {
            let library = try CryptoLibrary()
            let made = try SigningKey(seed: seed.span)
            let issuer = Issuer(
                name: "corp", issuer: "https://idp.example.com/",
                audiences: ["https://api.example.com"], algorithms: [.EdDSA],
                rolesPath: ["realm_access", "roles"],
                keys: keys ?? JSONWebKeySet())
            var limits = TokenLimits()
            limits.tokenBytes = 2048
            limits.members = 24
            let settings = AuthenticationSettings(
                issuers: [issuer], roleNames: ["reader", "admin"], limits: limits)
            let judge = try Authenticator(settings, cacheSlots: 4, library: library)
            key = made
            authenticator = judge
            self.library = library
        }

        mutating func credential(_ bytes: [UInt8]) -> [UInt8] {
            let parts = bytes.split(
                separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return bytes }
            let header = Array(parts[0])
            let claims = Array(parts[1])
            var signature = Array(parts[2])
            let message = Base64URL.encode(header.span) + "." + Base64URL.encode(claims.span)
            if signature == [UInt8(ascii: "!")] {
                isSigned = true
                signature = (try? key.sign(Array(message.utf8).span)) ?? []
            }
            return Array("Bearer \(message).\(Base64URL.encode(signature.span))".utf8)
        }

        borrowing func checkPrincipal(_ slot: Int) {
            let principal = authenticator.principal(slot)
            precondition(principal.issuer == 0 && principal.algorithm == .EdDSA)
            precondition(principal.expires >= 1_767_225_570)
            for what in PrincipalText.allCases {
                let text = authenticator.text(slot, what)
                precondition(text.count <= 255 && text.firstControl(from: 0) == text.count)
            }
            precondition(!authenticator.text(slot, .subject).isEmpty)
        }
    }
}
