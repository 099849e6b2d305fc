import Primitives

/// When a token is valid, in microseconds since 1970, the issuer's clock skew counted in.
struct TokenTimes: Equatable {
    var validFrom: Int64
    var validBefore: Int64
    var tooOldFrom: Int64
    /// `exp` itself, in whole seconds.
    var expiresSeconds: Int64

    /// Reads `exp`, `nbf` and `iat` (RFC 7519 §4.1.4–4.1.6) and judges them at `now`.
    init(
        _ claims: TokenClaims, in bytes: Span<UInt8>, rules: IssuerRules, now: Int64
    ) throws(TokenRefusal) {
        let skew = rules.skewMicroseconds
        guard let expiry = claims.expires else { throw TokenRefusal(.tokenExpiryMissing) }
        let expires = try TokenTimes.moment(expiry, in: bytes)
        expiresSeconds = WallTime(microseconds: expires).seconds
        validBefore = TokenTimes.sum(expires, skew)
        guard now < validBefore else { throw TokenRefusal(.tokenExpired) }

        validFrom = .min
        tooOldFrom = .max
        if let notBefore = claims.notBefore {
            validFrom = TokenTimes.sum(try TokenTimes.moment(notBefore, in: bytes), -skew)
            guard now >= validFrom else { throw TokenRefusal(.tokenNotYetValid) }
        }
        guard let issued = claims.issuedAt else {
            // An age that is limited must be known.
            guard rules.maxAgeSeconds == nil else { throw TokenRefusal(.tokenClaimMissing) }
            return
        }
        let issuedAt = try TokenTimes.moment(issued, in: bytes)
        guard now >= TokenTimes.sum(issuedAt, -skew) else {
            throw TokenRefusal(.tokenIssuedAtInvalid)
        }
        guard let age = rules.maxAgeSeconds else { return }
        let (ageMicroseconds, isEndless) = age.multipliedReportingOverflow(by: 1_000_000)
        guard !isEndless else { return }
        tooOldFrom = TokenTimes.sum(TokenTimes.sum(issuedAt, ageMicroseconds), skew)
        guard now < tooOldFrom else { throw TokenRefusal(.tokenTooOld) }
    }

    /// A NumericDate (RFC 7519 §2): seconds, perhaps with a fraction.
    private static func moment(
        _ range: ByteRange, in bytes: Span<UInt8>
    ) throws(TokenRefusal) -> Int64 {
        guard let microseconds = bytes.jsonMillionths(range) else {
            throw TokenRefusal(.tokenClaimInvalid)
        }
        return microseconds
    }

    /// A sum that stops at the ends of the range.
    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? .min : .max) : sum
    }
}

extension TokenClaims {
    /// Refuses unless `aud`, a string or an array of strings, contains one of the issuer's
    /// audiences (RFC 7519 §4.1.3).
    func checkAudience(in bytes: Span<UInt8>, rules: IssuerRules) throws(TokenRefusal) {
        guard let audience else { throw TokenRefusal(.tokenClaimMissing) }
        var contains = false
        if let text = bytes.jsonString(in: audience) {
            contains = TokenClaims.isOne(of: rules.audiences, text, in: bytes)
        } else {
            let list = bytes.extracting(audience)
            do throws(JSONError) {
                var reader = JSONReader(list)
                guard try reader.next() == .arrayStart else {
                    throw .unexpectedByte(at: reader.position)
                }
                while reader.depth > 0 {
                    switch try reader.next() {
                    case .string(let text):
                        contains =
                            contains || TokenClaims.isOne(of: rules.audiences, text, in: list)
                    case .arrayEnd: continue
                    default: throw .unexpectedByte(at: reader.position)
                    }
                }
            } catch {
                throw TokenRefusal(.tokenClaimInvalid)
            }
        }
        guard contains else { throw TokenRefusal(.tokenAudienceRefused) }
    }

    /// Refuses a token without the claims that an access token has (RFC 9068 §2.2).
    func checkPresence(rules: IssuerRules) throws(TokenRefusal) {
        guard rules.tokenType == .accessToken else { return }
        guard hasSubject, clientID != nil, issuedAt != nil, tokenID != nil else {
            throw TokenRefusal(.tokenClaimMissing)
        }
    }

    private static func isOne(
        of audiences: [[UInt8]], _ text: JSONText, in bytes: Span<UInt8>
    ) -> Bool {
        for audience in audiences where bytes.jsonText(text, equals: audience.span) { return true }
        return false
    }
}
