import Primitives

/// Fields by which a peer could claim an identity, a certificate or a transport that only
/// Sallyport may establish, or ask an upstream for another target or method than the ones that
/// were judged.
///
/// They are never forwarded: an upstream that trusts one of them trusts the proxy to have set it.
/// An underscore counts as a hyphen, because CGI-style servers see no difference (RFC 3875
/// §4.1.18).
public enum IdentityFields {
    private static let prefixes: [StaticString] = [
        "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred",
        "x-forwarded-access-token", "x-forwarded-client-cert", "x-forwarded-tls-client",
        "x-auth-", "x-authenticated-", "x-remote-",
        // Certificates: RFC 9440, and what nginx, HAProxy, Envoy, Traefik and clouds call them.
        "x-ssl-", "x-tls-", "x-mtls-", "x-client-cert", "x-client-dn", "x-client-s-dn",
        "x-client-i-dn", "x-client-verify", "x-arr-clientcert", "x-amzn-mtls-",
        "cf-client-cert", "tls-client-",
        // Transport.
        "x-forwarded-ssl", "x-forwarded-scheme", "front-end-https", "x-url-scheme",
        "x-amzn-oidc-", "x-goog-authenticated-", "x-ms-client-principal", "remote-user",
        "remote-group", "ssl-client-", "client-cert", "audit-receipt",
        "x-original-url", "x-original-uri", "x-original-method", "x-rewrite-url",
        "x-http-method", "x-method-override",
    ]
    private static let names: [StaticString] = [
        "x-user", "x-user-id", "x-user-name", "x-username", "x-email", "x-groups", "x-roles",
        "x-subject", "x-principal", "x-identity", "x-scheme",
    ]

    /// Whether a field named `name` claims an identity.
    public static func contains(_ name: Span<UInt8>) -> Bool {
        guard name.count >= 6 else { return false }
        switch name[0] | 0x20 {
        case 0x78, 0x72, 0x73, 0x63, 0x61, 0x74, 0x66: break
        default: return false
        }
        for prefix in prefixes where begins(name, with: prefix) { return true }
        for exact in names where exact.utf8CodeUnitCount == name.count && begins(name, with: exact)
        {
            return true
        }
        return false
    }

    private static func begins(_ name: Span<UInt8>, with prefix: StaticString) -> Bool {
        guard name.count >= prefix.utf8CodeUnitCount else { return false }
        // Safe: a StaticString's bytes live as long as the program.
        let start = unsafe prefix.utf8Start
        for offset in 0..<prefix.utf8CodeUnitCount {
            let byte = name[offset] == 0x5F ? 0x2D : name[offset].asciiLowercased
            if unsafe byte != start[offset] { return false }
        }
        return true
    }
}
