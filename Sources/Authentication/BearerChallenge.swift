import Primitives

/// The `WWW-Authenticate` field and the status of a refused credential (RFC 6750 §3).
public enum BearerChallenge {
    /// The status that answers a refusal.
    ///
    /// 400 when the request itself is wrong, 403 when the token is good but not enough, else 401.
    public static func status(for reason: Reason) -> UInt16 {
        switch reason {
        case .tokenDuplicateCredentials: 400
        case .policyRoleMissing: 403
        default: 401
        }
    }

    /// The error code of a refusal; nil when the request had no bearer token, to which a
    /// challenge SHOULD NOT say more (§3.1).
    public static func errorCode(for reason: Reason) -> StaticString? {
        switch reason {
        case .none, .tokenMissing, .tokenSchemeUnsupported: nil
        case .tokenDuplicateCredentials: "invalid_request"
        case .policyRoleMissing: "insufficient_scope"
        default: "invalid_token"
        }
    }

    /// Appends the field's value, such as `Bearer realm="api", error="invalid_token"`.
    ///
    /// There is no `error_description`: what is wrong with a token is for the log, not for whoever
    /// tries tokens.
    public static func append(
        reason: Reason?, realm: Span<UInt8>, to writer: inout ByteWriter
    ) {
        writer.append("Bearer realm=\"")
        appendQuoted(realm, to: &writer)
        writer.append(UInt8(ascii: "\""))
        guard let reason, let code = errorCode(for: reason) else { return }
        writer.append(", error=\"")
        writer.append(code)
        writer.append(UInt8(ascii: "\""))
    }

    /// As above, with the `scope` that would be enough (§3), when it is not empty.
    public static func append(
        reason: Reason?, realm: Span<UInt8>, scope: Span<UInt8>, to writer: inout ByteWriter
    ) {
        append(reason: reason, realm: realm, to: &writer)
        guard !scope.isEmpty else { return }
        writer.append(", scope=\"")
        appendQuoted(scope, to: &writer)
        writer.append(UInt8(ascii: "\""))
    }

    /// The inside of a quoted-string (RFC 9110 §5.6.4); bytes that cannot stand there are left out.
    private static func appendQuoted(_ text: Span<UInt8>, to writer: inout ByteWriter) {
        for offset in 0..<text.count {
            let byte = text[offset]
            guard byte >= 0x20, byte != 0x7F else { continue }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                writer.append(UInt8(ascii: "\\"))
            }
            writer.append(byte)
        }
    }
}
