import Primitives

/// A field name that the proxy knows by number; every other name is `other`.
///
/// Names that end at each hop come first, so that one comparison tells them apart.
public enum FieldName: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// A name not listed here.
    case other = 0
    // Fields of one hop (RFC 9110 §7.6.1, §11.7), never forwarded.
    case connection, keepAlive, proxyConnection, te, transferEncoding, upgrade, http2Settings
    case proxyAuthorization, proxyAuthenticate, proxyAuthenticationInfo
    // Fields of the whole way.
    case host, trailer, contentLength, expect, authorization, cookie, setCookie, forwarded
    case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedPort, xForwardedPrefix
    case xForwardedServer, xRealIP, via, maxForwards, xRequestID, traceparent, tracestate
    case userAgent, date, server, contentType, contentEncoding, contentRange, auditReceipt
    case wwwAuthenticate, retryAfter, rateLimit, rateLimitPolicy, accept, acceptEncoding
    case cacheControl, location, origin, referer, range, dpop, strictTransportSecurity

    /// Most names there can be: `FieldTable` keeps a set of them in one word.
    static let capacity = 64

    /// The name in lower case; empty for `other`.
    public var text: StaticString {
        switch self {
        case .other: ""
        case .connection: "connection"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .http2Settings: "http2-settings"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthenticationInfo: "proxy-authentication-info"
        case .host: "host"
        case .trailer: "trailer"
        case .contentLength: "content-length"
        case .expect: "expect"
        case .authorization: "authorization"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedPrefix: "x-forwarded-prefix"
        case .xForwardedServer: "x-forwarded-server"
        case .xRealIP: "x-real-ip"
        case .via: "via"
        case .maxForwards: "max-forwards"
        case .xRequestID: "x-request-id"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .userAgent: "user-agent"
        case .date: "date"
        case .server: "server"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .contentRange: "content-range"
        case .auditReceipt: "audit-receipt"
        case .wwwAuthenticate: "www-authenticate"
        case .retryAfter: "retry-after"
        case .rateLimit: "ratelimit"
        case .rateLimitPolicy: "ratelimit-policy"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .cacheControl: "cache-control"
        case .location: "location"
        case .origin: "origin"
        case .referer: "referer"
        case .range: "range"
        case .dpop: "dpop"
        case .strictTransportSecurity: "strict-transport-security"
        }
    }

    /// Whether the field ends at this hop by its name alone (RFC 9110 §7.6.1; the proxy
    /// authentication fields by §11.7: they are for the nearest proxy, which this is).
    @inlinable
    public var isHopByHop: Bool {
        rawValue &- FieldName.connection.rawValue
            <= FieldName.proxyAuthenticationInfo.rawValue &- FieldName.connection.rawValue
    }

    /// The name that `text` spells in any letter case; `text` holds token characters only.
    public init(_ text: Span<UInt8>) {
        self = FieldName.recognised(text)
    }

    /// Length, first and last letters decide; of names longer than 16, the middle too.
    @inline(__always)
    private static func recognised(_ text: Span<UInt8>) -> FieldName {
        guard text.count >= 2 else { return .other }
        let name = candidate(text.count, NameWord.head(text), NameWord.tail(text))
        guard text.count > 16, name != .other else { return name }
        return text.equalsIgnoringCase(name.text) ? name : .other
    }

    /// The name of that length which begins and ends so; a test compares with `text`.
    @inline(__always)
    private static func candidate(_ count: Int, _ head: UInt64, _ tail: UInt64) -> FieldName {
        switch (count, head, tail) {
        case (2, 0x0000_0000_0000_6574, 0): .te
        case (3, 0x0000_0000_0061_6976, 0): .via
        case (4, 0x0000_0000_7473_6F68, 0): .host
        case (4, 0x0000_0000_6574_6164, 0): .date
        case (4, 0x0000_0000_706F_7064, 0): .dpop
        case (5, 0x0000_0065_676E_6172, 0): .range
        case (6, 0x0000_7463_6570_7865, 0): .expect
        case (6, 0x0000_6569_6B6F_6F63, 0): .cookie
        case (6, 0x0000_7265_7672_6573, 0): .server
        case (6, 0x0000_7470_6563_6361, 0): .accept
        case (6, 0x0000_6E69_6769_726F, 0): .origin
        case (7, 0x0065_6461_7267_7075, 0): .upgrade
        case (7, 0x0072_656C_6961_7274, 0): .trailer
        case (7, 0x0072_6572_6566_6572, 0): .referer
        case (8, 0x6E6F_6974_6163_6F6C, 0x6E6F_6974_6163_6F6C): .location
        case (9, 0x6564_7261_7772_6F66, 0x6465_6472_6177_726F): .forwarded
        case (9, 0x692D_6C61_6572_2D78, 0x7069_2D6C_6165_722D): .xRealIP
        case (9, 0x696D_696C_6574_6172, 0x7469_6D69_6C65_7461): .rateLimit
        case (10, 0x6974_6365_6E6E_6F63, 0x6E6F_6974_6365_6E6E): .connection
        case (10, 0x696C_612D_7065_656B, 0x6576_696C_612D_7065): .keepAlive
        case (10, 0x6B6F_6F63_2D74_6573, 0x6569_6B6F_6F63_2D74): .setCookie
        case (10, 0x6174_7365_6361_7274, 0x6574_6174_7365_6361): .tracestate
        case (10, 0x6567_612D_7265_7375, 0x746E_6567_612D_7265): .userAgent
        case (11, 0x7261_7065_6361_7274, 0x746E_6572_6170_6563): .traceparent
        case (11, 0x6661_2D79_7274_6572, 0x7265_7466_612D_7972): .retryAfter
        case (12, 0x7772_6F66_2D78_616D, 0x7364_7261_7772_6F66): .maxForwards
        case (12, 0x7365_7571_6572_2D78, 0x6469_2D74_7365_7571): .xRequestID
        case (12, 0x2D74_6E65_746E_6F63, 0x6570_7974_2D74_6E65): .contentType
        case (13, 0x7A69_726F_6874_7561, 0x6E6F_6974_617A_6972): .authorization
        case (13, 0x2D74_6E65_746E_6F63, 0x6567_6E61_722D_746E): .contentRange
        case (13, 0x6572_2D74_6964_7561, 0x7470_6965_6365_722D): .auditReceipt
        case (13, 0x6F63_2D65_6863_6163, 0x6C6F_7274_6E6F_632D): .cacheControl
        case (14, 0x6573_2D32_7074_7468, 0x7367_6E69_7474_6573): .http2Settings
        case (14, 0x2D74_6E65_746E_6F63, 0x6874_676E_656C_2D74): .contentLength
        case (15, 0x7261_7772_6F66_2D78, 0x726F_662D_6465_6472): .xForwardedFor
        case (15, 0x652D_7470_6563_6361, 0x676E_6964_6F63_6E65): .acceptEncoding
        case (16, 0x6F63_2D79_786F_7270, 0x6E6F_6974_6365_6E6E): .proxyConnection
        case (16, 0x7261_7772_6F66_2D78, 0x7473_6F68_2D64_6564): .xForwardedHost
        case (16, 0x7261_7772_6F66_2D78, 0x7472_6F70_2D64_6564): .xForwardedPort
        case (16, 0x2D74_6E65_746E_6F63, 0x676E_6964_6F63_6E65): .contentEncoding
        case (16, 0x6874_7561_2D77_7777, 0x6574_6163_6974_6E65): .wwwAuthenticate
        case (16, 0x696D_696C_6574_6172, 0x7963_696C_6F70_2D74): .rateLimitPolicy
        case (17, 0x7265_6673_6E61_7274, 0x676E_6964_6F63_6E65): .transferEncoding
        case (17, 0x7261_7772_6F66_2D78, 0x6F74_6F72_702D_6465): .xForwardedProto
        case (18, 0x7561_2D79_786F_7270, 0x6574_6163_6974_6E65): .proxyAuthenticate
        case (18, 0x7261_7772_6F66_2D78, 0x7869_6665_7270_2D64): .xForwardedPrefix
        case (18, 0x7261_7772_6F66_2D78, 0x7265_7672_6573_2D64): .xForwardedServer
        case (19, 0x7561_2D79_786F_7270, 0x6E6F_6974_617A_6972): .proxyAuthorization
        case (25, 0x7561_2D79_786F_7270, 0x6F66_6E69_2D6E_6F69): .proxyAuthenticationInfo
        case (25, 0x742D_7463_6972_7473, 0x7974_6972_7563_6573): .strictTransportSecurity
        default: .other
        }
    }
}

/// Up to eight letters of a name in one word, the first in its lowest byte, in lower case.
private enum NameWord {
    /// Setting this bit folds letter case, which is exact for token characters: only an
    /// upper-case letter becomes a lower-case one, and nothing becomes a digit or a hyphen.
    private static let fold: UInt64 = 0x2020_2020_2020_2020

    /// The first letters of `text`.
    @inline(__always)
    static func head(_ text: Span<UInt8>) -> UInt64 {
        guard text.count < 8 else { return text.word(at: 0) | fold }
        var word: UInt64 = 0
        for offset in 0..<text.count {
            word |= UInt64(text[offset] | 0x20) << UInt64(truncatingIfNeeded: offset &* 8)
        }
        return word
    }

    /// The last letters of `text`.
    @inline(__always)
    static func tail(_ text: Span<UInt8>) -> UInt64 {
        text.count < 8 ? 0 : text.word(at: text.count &- 8) | fold
    }
}
