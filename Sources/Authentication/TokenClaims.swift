import Primitives

/// Where a token's claims stand (RFC 7519 §4.1, RFC 9068 §2.2); what they say is not judged.
struct TokenClaims: Equatable {
    var issuer: JSONText?
    /// The value, a string or an array.
    var audience: ByteRange?
    var expires: ByteRange?
    var notBefore: ByteRange?
    var issuedAt: ByteRange?
    var hasSubject = false
    var clientID: JSONText?
    var authorizedParty: JSONText?
    var tokenID: JSONText?
    /// `cnf`: the token is bound to a key that its bearer must prove (RFC 7800 §3.1).
    var confirmation: ByteRange?
    /// A claim that only another kind of token has: `at_hash` and `c_hash` of an ID token
    /// (OpenID Connect Core §3.3.2.11), `events` of a security event (RFC 8417 §2.2).
    var isOtherKind = false

    /// Reads the decoded payload, all of it: it is well formed afterwards.
    static func read(
        _ bytes: Span<UInt8>, limits: TokenLimits
    ) throws(TokenRefusal) -> TokenClaims {
        let result: Result<TokenClaims, TokenRefusal>
        do throws(JSONError) {
            result = try readMembers(
                bytes, limits: JSONLimits(depth: limits.depth, members: limits.members))
        } catch {
            throw TokenRefusal(.json(error, other: .tokenMalformed))
        }
        return try result.get()
    }

    private static func readMembers(
        _ bytes: Span<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> Result<TokenClaims, TokenRefusal> {
        var reader = JSONReader(bytes, limits: limits)
        var claims = TokenClaims()
        var isSound = true
        guard try reader.next() == .objectStart else {
            return .failure(TokenRefusal(.tokenMalformed))
        }
        while case .name(let name) = try reader.next() {
            let value = try reader.skipValue()
            isSound = claims.take(name, value, in: bytes) && isSound
        }
        guard try reader.next() == .end else { return .failure(TokenRefusal(.tokenMalformed)) }
        return isSound ? .success(claims) : .failure(TokenRefusal(.tokenClaimInvalid))
    }

    /// Remembers one claim; false when it is known and of a wrong type.
    private mutating func take(_ name: JSONText, _ value: ByteRange, in bytes: Span<UInt8>) -> Bool
    {
        func isName(_ literal: StaticString) -> Bool { bytes.jsonText(name, equals: literal) }
        if isName("iss") {
            issuer = bytes.jsonString(in: value)
            return issuer != nil
        }
        if isName("aud") {
            audience = value
            let first = bytes[value.lower]
            return first == UInt8(ascii: "\"") || first == UInt8(ascii: "[")
        }
        if isName("exp") {
            expires = value
            return bytes.isJSONNumber(in: value)
        }
        if isName("nbf") {
            notBefore = value
            return bytes.isJSONNumber(in: value)
        }
        if isName("iat") {
            issuedAt = value
            return bytes.isJSONNumber(in: value)
        }
        if isName("sub") {
            hasSubject = true
            return bytes.jsonString(in: value) != nil
        }
        if isName("client_id") {
            clientID = bytes.jsonString(in: value)
            return clientID != nil
        }
        if isName("azp") {
            authorizedParty = bytes.jsonString(in: value)
            return authorizedParty != nil
        }
        if isName("jti") {
            tokenID = bytes.jsonString(in: value)
            return tokenID != nil
        }
        if isName("cnf") { confirmation = value }
        if isName("at_hash") || isName("c_hash") || isName("events") { isOtherKind = true }
        return true
    }

    /// The value at the end of `path` from the payload's top; nil when there is none.
    ///
    /// Names are unique, so the way is, too.
    static func find(
        _ path: [[UInt8]], in bytes: Span<UInt8>, limits: TokenLimits
    ) throws(JSONError) -> ByteRange? {
        var reader = JSONReader(
            bytes, limits: JSONLimits(depth: limits.depth, members: limits.members))
        guard try reader.next() == .objectStart else { return nil }
        var level = 0
        while case .name(let name) = try reader.next() {
            let wanted = path[min(level, path.count - 1)]
            guard bytes.jsonText(name, equals: wanted.span) else {
                _ = try reader.skipValue()
                continue
            }
            if level == path.count - 1 { return try reader.skipValue() }
            guard try reader.next() == .objectStart else { return nil }
            level += 1
        }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// Whether the JSON value in `range` is a number.
    func isJSONNumber(in range: ByteRange) -> Bool {
        guard !range.isEmpty else { return false }
        return self[range.lower].isASCIIDigit || self[range.lower] == UInt8(ascii: "-")
    }
}
