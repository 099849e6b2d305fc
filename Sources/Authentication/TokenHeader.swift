import Crypto
import Primitives

/// What a token's header says (RFC 7515 §4.1), as far as it is listened to.
///
/// `jku`, `jwk`, `x5u`, `x5c`, `x5t` and `cty` are not looked at: a token does not choose the key
/// that it is judged by (RFC 8725 §3.10).
struct TokenHeader: Equatable {
    var algorithm: SignatureAlgorithm
    var type: JSONText?
    var keyID: JSONText?

    /// Reads the decoded header.
    static func read(
        _ bytes: Span<UInt8>, limits: TokenLimits
    ) throws(TokenRefusal) -> TokenHeader {
        let result: Result<TokenHeader, TokenRefusal>
        do throws(JSONError) {
            result = try readMembers(
                bytes, limits: JSONLimits(depth: limits.depth, members: limits.members))
        } catch {
            throw TokenRefusal(.json(error, other: .tokenHeaderInvalid))
        }
        return try result.get()
    }

    private static func readMembers(
        _ bytes: Span<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> Result<TokenHeader, TokenRefusal> {
        var reader = JSONReader(bytes, limits: limits)
        var algorithm: JSONText?
        var type: JSONText?
        var keyID: JSONText?
        /// What is wrong; told only once the whole text was seen to be well formed.
        var refusal: Reason?
        guard try reader.next() == .objectStart else {
            return .failure(TokenRefusal(.tokenHeaderInvalid))
        }
        while case .name(let name) = try reader.next() {
            let value = try reader.skipValue()
            if bytes.jsonText(name, equals: "alg") {
                algorithm = bytes.jsonString(in: value)
            } else if bytes.jsonText(name, equals: "typ") {
                type = bytes.jsonString(in: value)
                if type == nil { refusal = refusal ?? .tokenHeaderInvalid }
            } else if bytes.jsonText(name, equals: "kid") {
                keyID = bytes.jsonString(in: value)
                if keyID == nil { refusal = refusal ?? .tokenHeaderInvalid }
            } else if bytes.jsonText(name, equals: "crit") {
                // No extension is understood, so whatever is listed is unknown (RFC 7515 §4.1.11).
                refusal = .tokenCritUnsupported
            } else if bytes.jsonText(name, equals: "zip") || bytes.jsonText(name, equals: "enc")
                || bytes.jsonText(name, equals: "b64")
            {
                // Compression and encryption belong to JWE (RFC 8725 §3.6), and an unencoded
                // payload needs `crit` (RFC 7797 §6): stricter than ignoring them.
                refusal = refusal ?? .tokenHeaderInvalid
            }
        }
        guard try reader.next() == .end else {
            return .failure(TokenRefusal(.tokenHeaderInvalid))
        }
        if let refusal { return .failure(TokenRefusal(refusal)) }
        guard let algorithm else { return .failure(TokenRefusal(.tokenHeaderInvalid)) }
        guard !algorithm.hasEscapes,
            let known = SignatureAlgorithm(name: bytes.extracting(algorithm.range))
        else { return .failure(TokenRefusal(.tokenAlgorithmRefused)) }
        return .success(TokenHeader(algorithm: known, type: type, keyID: keyID))
    }

    /// Whether the header's `typ` is one that `wanted` permits (RFC 9068 §4, RFC 8725 §3.11).
    func isOfType(_ wanted: TokenType, in bytes: Span<UInt8>) -> Bool {
        guard let type else { return wanted == .any }
        // An escaped media type is nobody's honest spelling.
        guard !type.hasEscapes else { return false }
        var text = bytes.extracting(type.range)
        let prefix = 12
        if text.count > prefix,
            text.extracting(first: prefix).equalsIgnoringCase("application/")
        {
            text = text.extracting(droppingFirst: prefix)
        }
        if text.equalsIgnoringCase("at+jwt") { return true }
        return wanted == .any && text.equalsIgnoringCase("jwt")
    }
}

extension Span where Element == UInt8 {
    /// The string that the JSON value in `range` is; nil when it is something else.
    func jsonString(in range: ByteRange) -> JSONText? {
        guard range.count >= 2, self[range.lower] == UInt8(ascii: "\"") else { return nil }
        let inner = ByteRange(start: range.lower + 1, count: Int(range.count) - 2)
        let escape = extracting(inner).firstIndex(of: UInt8(ascii: "\\"), from: 0)
        return JSONText(range: inner, hasEscapes: escape != nil)
    }
}
