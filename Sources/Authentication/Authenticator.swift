import Crypto
import Primitives

/// Judges bearer tokens, and remembers the good ones. One thread owns it.
///
/// It must not outlive the `CryptoLibrary` it was made with.
public struct Authenticator: ~Copyable {
    private var rules: [IssuerRules]
    private var keys: IssuerKeys
    private var roleNames: [[UInt8]]
    private var limits: TokenLimits
    private var generation: SettingsGeneration
    private var cache: TokenCache
    private var digests: SHA256
    private var scratch: TokenScratch
    private var texts: TokenTexts

    /// Tokens that were remembered.
    public private(set) var hits: UInt64 = 0
    /// Tokens that had to be verified, good or not.
    public private(set) var misses: UInt64 = 0

    /// An authenticator of these settings that remembers up to `cacheSlots` tokens.
    public init(
        _ settings: AuthenticationSettings, cacheSlots: Int = 4096,
        library: borrowing CryptoLibrary
    ) throws(CryptoError) {
        // Nothing may throw between the first property and the last.
        let made = try Authenticator.makeKeys(settings, library: library)
        let context = try SHA256(library)
        keys = made
        digests = context
        rules = settings.issuers.map { IssuerRules($0) }
        roleNames = settings.roleNames.map { Array($0.utf8) }
        limits = Authenticator.bounded(settings.limits)
        generation = settings.generation
        cache = TokenCache(slots: cacheSlots)
        scratch = TokenScratch(tokenBytes: TokenLimits.mostTokenBytes)
        texts = TokenTexts(tokenBytes: TokenLimits.mostTokenBytes)
    }

    /// Judges by other settings from now on; what was remembered under earlier ones is stale.
    ///
    /// When it throws, the earlier settings stay. `library` must be the one of `init`, or live as
    /// long.
    public mutating func adopt(
        _ settings: AuthenticationSettings, library: borrowing CryptoLibrary
    ) throws(CryptoError) {
        keys = try Authenticator.makeKeys(settings, library: library)
        rules = settings.issuers.map { IssuerRules($0) }
        roleNames = settings.roleNames.map { Array($0.utf8) }
        limits = Authenticator.bounded(settings.limits)
        generation = settings.generation
    }

    /// Judges the value of an `Authorization` field.
    ///
    /// - Parameters:
    ///   - accepting: The issuers that the route permits.
    ///   - certificate: SHA-256 of the certificate that the client showed on this connection, which
    ///     a token may be bound to (RFC 8705 §3); nil when it showed none.
    public mutating func authenticate(
        _ authorization: Span<UInt8>, accepting: IssuerSet, certificate: Digest256? = nil,
        now: WallTime
    ) -> AuthenticationResult {
        cache.beginCall()
        do throws(TokenRefusal) {
            let range = try BearerCredential.token(in: authorization)
            let token = authorization.extracting(range)
            guard token.count <= limits.tokenBytes else { throw TokenRefusal(.tokenTooLarge) }
            let tag = cache.tag(token)
            var isOfOtherIssuer = false
            let found = cache.find(
                token, tag: tag, accepting: accepting, generation: generation,
                isOfOtherIssuer: &isOfOtherIssuer, digests: &digests)
            if let slot = found {
                hits &+= 1
                try recheck(slot, now: now.microseconds)
                try checkBinding(slot, certificate)
                return .authenticated(slot: slot, isCacheHit: true)
            }
            misses &+= 1
            let slot = try verify(token, tag: tag, accepting: accepting, now: now.microseconds)
            try checkBinding(slot, certificate)
            return .authenticated(slot: slot, isCacheHit: false)
        } catch {
            return .refused(error.reason)
        }
    }

    /// Who is in a slot, of the last call of `authenticate`.
    public func principal(_ slot: Int) -> Principal { cache[slot].principal }

    /// What their token says, of the last call of `authenticate`.
    ///
    /// The span never dangles, but a later call can fill the slot anew: copy what must stay.
    @_lifetime(immortal)
    public func text(_ slot: Int, _ what: PrincipalText) -> Span<UInt8> {
        let ends = cache[slot].textEnds
        switch what {
        case .subject: return cache.text(slot, from: 0, to: Int(ends.0))
        case .clientID: return cache.text(slot, from: Int(ends.0), to: Int(ends.1))
        case .tokenID: return cache.text(slot, from: Int(ends.1), to: Int(ends.2))
        case .keyID: return cache.text(slot, from: Int(ends.2), to: Int(ends.3))
        }
    }

    private static func makeKeys(
        _ settings: AuthenticationSettings, library: borrowing CryptoLibrary
    ) throws(CryptoError) -> IssuerKeys {
        do throws(VerificationKeyError) {
            return try IssuerKeys(settings.issuers, library: library)
        } catch {
            // A key set judged its keys when it was read, so only OpenSSL itself can fail.
            throw .keyUnusable
        }
    }

    /// No setting can exceed what the memory was made for.
    private static func bounded(_ limits: TokenLimits) -> TokenLimits {
        var limits = limits
        limits.tokenBytes = min(limits.tokenBytes, TokenLimits.mostTokenBytes)
        limits.depth = min(limits.depth, JSONReader.deepestNesting)
        limits.members = min(limits.members, JSONReader.mostMembers)
        limits.subjectBytes = min(limits.subjectBytes, TokenCache.mostTextBytes)
        limits.identifierBytes = min(limits.identifierBytes, TokenCache.mostTextBytes)
        return limits
    }

    /// Time went on since the token was remembered.
    private mutating func recheck(_ slot: Int, now: Int64) throws(TokenRefusal) {
        let entry = cache[slot]
        guard now < entry.validBefore else {
            cache.forget(slot)
            throw TokenRefusal(.tokenExpired)
        }
        guard now < entry.tooOldFrom else {
            cache.forget(slot)
            throw TokenRefusal(.tokenTooOld)
        }
        // The clock can have been set back.
        guard now >= entry.validFrom else { throw TokenRefusal(.tokenNotYetValid) }
    }

    /// A token that is bound to a certificate is good only where that certificate was shown: the
    /// token is remembered, the connection it comes by is another matter each time.
    private func checkBinding(_ slot: Int, _ certificate: Digest256?) throws(TokenRefusal) {
        guard let bound = cache[slot].certificate else { return }
        guard let certificate, bound.equalsInConstantTime(certificate) else {
            throw TokenRefusal(.tokenBindingMismatch)
        }
    }

    /// Verifies a token that is not remembered. Its order: form, header, issuer, key, signature,
    /// and only then what it claims.
    private mutating func verify(
        _ token: Span<UInt8>, tag: UInt64, accepting: IssuerSet, now: Int64
    ) throws(TokenRefusal) -> Int {
        let parts = try CompactToken.split(token)
        try scratch.decode(parts, of: token)
        let header = try TokenHeader.read(scratch.header.span, limits: limits)
        let claims = try TokenClaims.read(scratch.payload.span, limits: limits)
        let number = try issuer(of: claims, accepting: accepting)
        guard rules[number].algorithms.contains(header.algorithm) else {
            throw TokenRefusal(.tokenAlgorithmRefused)
        }
        guard header.isOfType(rules[number].tokenType, in: scratch.header.span),
            !claims.isOtherKind
        else { throw TokenRefusal(.tokenTypeRefused) }
        try scratch.decodeSignature(parts, of: token)
        try keys.verify(
            scratch, over: token.extracting(parts.signed), issuer: number, header: header,
            mostTried: limits.keysTried)
        // From here on, the issuer said it.
        let times = try TokenTimes(claims, in: scratch.payload.span, rules: rules[number], now: now)
        try claims.checkAudience(in: scratch.payload.span, rules: rules[number])
        let bound = try boundCertificate(claims)
        try claims.checkPresence(rules: rules[number])
        let textEnds = try texts.gatherTexts(
            claims, header: header, of: scratch, rules: rules[number], limits: limits)
        var roles = RoleSet()
        let ignored = try texts.gatherRoles(
            into: &roles, names: roleNames, of: scratch, rules: rules[number], limits: limits)
        let principal = Principal(
            issuer: UInt16(number), algorithm: header.algorithm, roles: roles,
            expires: times.expiresSeconds, thumbprint: digests.digest(token),
            ignoredRoles: ignored)
        let entry = CachedToken(
            principal: principal, generation: generation, tokenCount: 0, lastUse: 0,
            validFrom: times.validFrom, validBefore: times.validBefore,
            tooOldFrom: times.tooOldFrom, textEnds: textEnds, certificate: bound)
        return cache.insert(
            token, tag: tag, entry: entry, generation: generation, now: now,
            texts: texts)
    }

    private mutating func boundCertificate(
        _ claims: TokenClaims
    ) throws(TokenRefusal) -> Digest256? {
        guard
            let range = try claims.boundCertificate(in: scratch.payload.span, limits: limits)
        else { return nil }
        return try texts.digest(at: range, of: scratch)
    }

    /// The issuer whose name `iss` is, byte for byte, preferably one that is accepted.
    private func issuer(
        of claims: TokenClaims, accepting: IssuerSet
    ) throws(TokenRefusal) -> Int {
        guard let text = claims.issuer else { throw TokenRefusal(.tokenClaimMissing) }
        let payload = scratch.payload.span
        var isKnown = false
        for number in rules.indices {
            let name = rules[number].issuer
            guard payload.jsonText(text, equals: name.span) else { continue }
            if accepting.contains(number) { return number }
            isKnown = true
        }
        throw TokenRefusal(isKnown ? .tokenIssuerNotAccepted : .tokenIssuerUnknown)
    }
}
