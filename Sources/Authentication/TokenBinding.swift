import Primitives

extension TokenClaims {
    /// Where the SHA-256 of the certificate that the token is bound to stands, as base64url (`cnf`
    /// with `x5t#S256`, RFC 8705 §3.1); nil when the token is a bearer token.
    ///
    /// Any other way to prove possession is refused, also beside this one: what a token demands of
    /// its sender is never left unchecked.
    func boundCertificate(
        in bytes: Span<UInt8>, limits: TokenLimits
    ) throws(TokenRefusal) -> ByteRange? {
        guard let confirmation else { return nil }
        let result: Result<ByteRange, TokenRefusal>
        do throws(JSONError) {
            result = try TokenClaims.readConfirmation(
                bytes.extracting(confirmation),
                limits: JSONLimits(depth: limits.depth, members: limits.members))
        } catch {
            throw TokenRefusal(.tokenMalformed)
        }
        let range = try result.get()
        return ByteRange(start: confirmation.lower + range.lower, count: Int(range.count))
    }

    private static func readConfirmation(
        _ bytes: Span<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> Result<ByteRange, TokenRefusal> {
        var reader = JSONReader(bytes, limits: limits)
        var digest: ByteRange?
        guard try reader.next() == .objectStart else {
            return .failure(TokenRefusal(.tokenBindingUnsupported))
        }
        while case .name(let name) = try reader.next() {
            let value = try reader.skipValue()
            guard bytes.jsonText(name, equals: "x5t#S256") else {
                return .failure(TokenRefusal(.tokenBindingUnsupported))
            }
            guard let text = bytes.jsonString(in: value) else {
                return .failure(TokenRefusal(.tokenClaimInvalid))
            }
            digest = text.range
        }
        guard let digest else { return .failure(TokenRefusal(.tokenBindingUnsupported)) }
        return .success(digest)
    }
}

extension Digest256 {
    /// Whether both are the same, in a time that does not depend on where they differ.
    func equalsInConstantTime(_ other: Digest256) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1)
            | (words.2 ^ other.words.2) | (words.3 ^ other.words.3)
        return difference == 0
    }
}
