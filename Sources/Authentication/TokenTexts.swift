import Primitives

/// What a verified token says that is remembered: its texts and roles. Memory made once.
struct TokenTexts: ~Copyable {
    /// Subject, client id, token id and key id, one behind the other.
    private(set) var texts = ByteBuffer(capacity: TokenCache.storedTextBytes)
    private var role: ByteBuffer

    init(tokenBytes: Int) {
        role = ByteBuffer(capacity: tokenBytes)
    }

    /// Gathers the texts that are remembered; answers where each ends.
    mutating func gatherTexts(
        _ claims: TokenClaims, header: TokenHeader, of token: borrowing TokenScratch,
        rules: IssuerRules,
        limits: TokenLimits
    ) throws(TokenRefusal) -> (UInt16, UInt16, UInt16, UInt16) {
        texts.removeAll()
        let bytes = token.payload.span
        guard let value = try TokenTexts.find(rules.subjectPath, in: bytes, limits: limits) else {
            throw TokenRefusal(.tokenClaimMissing)
        }
        guard let subject = bytes.jsonString(in: value), !subject.range.isEmpty else {
            throw TokenRefusal(.tokenClaimInvalid)
        }
        let first = try TokenTexts.append(
            subject, from: bytes, to: &texts, limit: limits.subjectBytes,
            tooLong: .tokenSubjectTooLong)
        let second = try TokenTexts.append(
            claims.clientID ?? claims.authorizedParty, from: bytes, to: &texts,
            limit: limits.identifierBytes, tooLong: .tokenClaimInvalid)
        let third = try TokenTexts.append(
            claims.tokenID, from: bytes, to: &texts, limit: limits.identifierBytes,
            tooLong: .tokenClaimInvalid)
        let fourth = try TokenTexts.append(
            header.keyID, from: token.header.span, to: &texts, limit: limits.identifierBytes,
            tooLong: .tokenHeaderInvalid)
        return (first, second, third, fourth)
    }

    /// Appends a text of at most `limit` bytes without control bytes: it will stand in a header
    /// field and in the log.
    private static func append(
        _ text: JSONText?, from bytes: Span<UInt8>, to texts: inout ByteBuffer, limit: Int,
        tooLong: Reason
    ) throws(TokenRefusal) -> UInt16 {
        let start = texts.count
        guard let text else { return UInt16(start) }
        let hasOverflowed = texts.write {
            $0.appendJSONText(text, from: bytes)
            return $0.overflowed
        }
        guard !hasOverflowed, texts.count - start <= limit else { throw TokenRefusal(tooLong) }
        guard texts.span.firstControl(from: start) == texts.count else {
            throw TokenRefusal(.tokenClaimInvalid)
        }
        return UInt16(texts.count)
    }

    /// Gathers the roles that have a number; answers how many have none.
    ///
    /// An array of strings, or one string of names between spaces as `scope` is (RFC 8693 §4.2).
    mutating func gatherRoles(
        into roles: inout RoleSet, names: [[UInt8]], of token: borrowing TokenScratch,
        rules: IssuerRules, limits: TokenLimits
    ) throws(TokenRefusal) -> UInt16 {
        let bytes = token.payload.span
        guard let value = try TokenTexts.find(rules.rolesPath, in: bytes, limits: limits) else {
            return 0
        }
        var ignored: UInt16 = 0
        if let text = bytes.jsonString(in: value) {
            role.removeAll()
            role.write { $0.appendJSONText(text, from: bytes) }
            let list = role.span
            var start = 0
            while start < list.count {
                let end = list.firstIndex(of: .space, from: start) ?? list.count
                if end > start {
                    TokenTexts.take(
                        list.extracting(start..<end), names: names, into: &roles, &ignored)
                }
                start = end + 1
            }
            return ignored
        }
        let isList: Bool
        do throws(JSONError) {
            isList = try TokenTexts.takeList(
                bytes.extracting(value), decoded: &role, names: names, limits: limits,
                into: &roles, &ignored)
        } catch {
            throw TokenRefusal(.tokenClaimInvalid)
        }
        guard isList else { throw TokenRefusal(.tokenClaimInvalid) }
        return ignored
    }

    /// The digest that the base64url at `range` of the payload stands for.
    mutating func digest(
        at range: ByteRange, of token: borrowing TokenScratch
    ) throws(TokenRefusal) -> Digest256 {
        let text = token.payload.span.extracting(range)
        role.removeAll()
        let isDecoded = role.write { text.count == 43 && Base64URL.decode(text, into: &$0) }
        guard isDecoded, let digest = Digest256(role.span) else {
            throw TokenRefusal(.tokenClaimInvalid)
        }
        return digest
    }

    private static func find(
        _ path: [[UInt8]], in bytes: Span<UInt8>, limits: TokenLimits
    ) throws(TokenRefusal) -> ByteRange? {
        do throws(JSONError) {
            return try TokenClaims.find(path, in: bytes, limits: limits)
        } catch {
            throw TokenRefusal(.tokenMalformed)
        }
    }

    /// Takes each string of the JSON array `list`, none of a null; false when it is something else.
    private static func takeList(
        _ list: Span<UInt8>, decoded: inout ByteBuffer, names: [[UInt8]], limits: TokenLimits,
        into roles: inout RoleSet, _ ignored: inout UInt16
    ) throws(JSONError) -> Bool {
        var reader = JSONReader(
            list, limits: JSONLimits(depth: limits.depth, members: limits.members))
        let first = try reader.next()
        if first == .null { return true }
        guard first == .arrayStart else { return false }
        while true {
            switch try reader.next() {
            case .string(let text):
                decoded.removeAll()
                decoded.write { $0.appendJSONText(text, from: list) }
                take(decoded.span, names: names, into: &roles, &ignored)
            case .arrayEnd:
                return true
            case .arrayStart, .objectStart, .objectEnd, .name, .number, .boolean, .null, .end:
                return false
            }
        }
    }

    private static func take(
        _ name: Span<UInt8>, names: [[UInt8]], into roles: inout RoleSet, _ ignored: inout UInt16
    ) {
        for (number, known) in names.enumerated() where name.equals(known.span) {
            roles.insert(number)
            return
        }
        if ignored < .max { ignored += 1 }
    }
}
