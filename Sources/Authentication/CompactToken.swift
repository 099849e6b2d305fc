import Primitives

/// A credential is refused for this reason.
struct TokenRefusal: Error, Equatable {
    var reason: Reason

    init(_ reason: Reason) {
        self.reason = reason
    }
}

/// The bearer credential of an `Authorization` value (RFC 6750 §2.1).
enum BearerCredential {
    /// Where the token stands; the scheme's letter case doesn't matter (RFC 9110 §11.1).
    static func token(in authorization: Span<UInt8>) throws(TokenRefusal) -> ByteRange {
        let count = authorization.count
        guard count > 0 else { throw TokenRefusal(.tokenMissing) }
        let schemeCount = 6
        guard count >= schemeCount,
            authorization.extracting(first: schemeCount).equalsIgnoringCase("bearer"),
            count == schemeCount || authorization[schemeCount] == .space
        else { throw TokenRefusal(.tokenSchemeUnsupported) }
        var start = schemeCount
        while start < count, authorization[start] == .space { start += 1 }
        guard start < count else { throw TokenRefusal(.tokenMalformed) }
        return ByteRange(start: start, count: count - start)
    }
}

/// Where the three parts of a JWS in compact serialization stand (RFC 7515 §7.1).
struct CompactToken: Equatable {
    var header: ByteRange
    var payload: ByteRange
    /// Empty for an unsecured token, which `alg` gets refused.
    var signature: ByteRange
    /// What is signed: header, dot, payload.
    var signed: ByteRange

    /// The parts of `token`; what they hold is not judged.
    static func split(_ token: Span<UInt8>) throws(TokenRefusal) -> CompactToken {
        let dot = UInt8(ascii: ".")
        guard let first = token.firstIndex(of: dot, from: 0),
            let second = token.firstIndex(of: dot, from: first + 1)
        else { throw TokenRefusal(.tokenMalformed) }
        if let third = token.firstIndex(of: dot, from: second + 1) {
            // Five parts are a JWE (RFC 7516 §3.1), and nothing here decrypts.
            guard let fourth = token.firstIndex(of: dot, from: third + 1),
                token.firstIndex(of: dot, from: fourth + 1) == nil
            else { throw TokenRefusal(.tokenMalformed) }
            throw TokenRefusal(.tokenEncrypted)
        }
        guard first > 0, second > first + 1 else { throw TokenRefusal(.tokenMalformed) }
        return CompactToken(
            header: ByteRange(start: 0, count: first),
            payload: ByteRange(start: first + 1, count: second - first - 1),
            signature: ByteRange(start: second + 1, count: token.count - second - 1),
            signed: ByteRange(start: 0, count: second))
    }
}

extension Reason {
    /// What a JSON error means for a token; `other` where nothing more precise is known.
    static func json(_ error: JSONError, other: Reason) -> Reason {
        switch error {
        case .duplicateName: .tokenDuplicateMember
        case .tooDeep: .tokenTooDeep
        case .tooManyMembers: .tokenTooLarge
        case .truncated, .unexpectedByte, .trailingBytes, .stringMalformed, .textNotUTF8,
            .numberMalformed:
            other
        }
    }
}
