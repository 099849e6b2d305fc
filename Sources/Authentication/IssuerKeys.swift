import Crypto
import Primitives

/// One issuer's rules in the form that tokens are judged by: bytes instead of texts.
struct IssuerRules {
    let issuer: [UInt8]
    let audiences: [[UInt8]]
    let algorithms: [SignatureAlgorithm]
    let tokenType: TokenType
    let maxAgeSeconds: Int64?
    let skewMicroseconds: Int64
    let subjectPath: [[UInt8]]
    let rolesPath: [[UInt8]]

    init(_ issuer: Issuer) {
        self.issuer = Array(issuer.issuer.utf8)
        audiences = issuer.audiences.map { Array($0.utf8) }
        algorithms = issuer.algorithms
        tokenType = issuer.tokenType
        maxAgeSeconds = issuer.maxAgeSeconds
        let (skew, isTooLong) = max(0, issuer.clockSkewSeconds)
            .multipliedReportingOverflow(by: 1_000_000)
        precondition(!isTooLong)
        skewMicroseconds = skew
        subjectPath = issuer.subjectPath.map { Array($0.utf8) }
        rolesPath = issuer.rolesPath.map { Array($0.utf8) }
    }
}

/// The keys of all issuers, ready to check signatures. One thread owns it.
struct IssuerKeys: ~Copyable {
    private struct Entry {
        var issuer: Int
        var slot: Int
        var kind: VerificationKeyKind
        var algorithm: SignatureAlgorithm?
        var keyID: [UInt8]
    }

    private var keys: Slab<VerificationKey>
    private var entries: [Entry] = []

    init(
        _ issuers: [Issuer], library: borrowing CryptoLibrary
    ) throws(VerificationKeyError) {
        var count = 0
        for issuer in issuers { count += issuer.keys.keys.count }
        keys = Slab(capacity: max(count, 1))
        for (number, issuer) in issuers.enumerated() {
            for key in issuer.keys.keys {
                let made = try VerificationKey(key.numbers, library: library)
                guard let slot = keys.insert(made) else { continue }
                entries.append(
                    Entry(
                        issuer: number, slot: slot, kind: key.kind, algorithm: key.algorithm,
                        keyID: key.keyID))
            }
        }
    }

    /// Checks the signature of `token` against the issuer's keys that the token may mean.
    ///
    /// A key id names keys of that id only; without one, every key of the issuer that fits is
    /// tried, up to `mostTried`, since each try costs tens of microseconds.
    mutating func verify(
        _ token: borrowing TokenScratch, over message: Span<UInt8>, issuer: Int,
        header: TokenHeader, mostTried: Int
    ) throws(TokenRefusal) {
        let signature = token.signature.span
        let headerBytes = token.header.span
        var isNamed = false
        var tried = 0
        for place in entries.indices where entries[place].issuer == issuer {
            if let keyID = header.keyID {
                let named = entries[place].keyID
                guard !named.isEmpty, headerBytes.jsonText(keyID, equals: named.span) else {
                    continue
                }
            }
            isNamed = true
            let only = entries[place].algorithm
            guard entries[place].kind == header.algorithm.keyKind,
                only == nil || only == header.algorithm
            else { continue }
            guard tried < mostTried else { break }
            tried += 1
            let isGood = keys[entries[place].slot].verifies(
                signature, over: message, algorithm: header.algorithm)
            if isGood { return }
        }
        guard tried == 0 else { throw TokenRefusal(.tokenSignatureInvalid) }
        throw TokenRefusal(isNamed ? .tokenKeyUnsuitable : .tokenKeyUnknown)
    }
}
