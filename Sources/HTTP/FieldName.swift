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
    case cacheControl, location, origin, referer, range, dpop

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

    /// Length and first letter leave at most a few names to compare with.
    @inline(__always)
    private static func recognised(_ text: Span<UInt8>) -> FieldName {
        let count = text.count
        guard count >= 2, count <= 25 else { return .other }
        switch (count, text[0] | 0x20) {
        case (2, 0x74):  // t
            if text.equalsIgnoringCase("te") { return .te }
        case (3, 0x76):  // v
            if text.equalsIgnoringCase("via") { return .via }
        case (4, 0x64):  // d
            if text.equalsIgnoringCase("date") { return .date }
            if text.equalsIgnoringCase("dpop") { return .dpop }
        case (4, 0x68):  // h
            if text.equalsIgnoringCase("host") { return .host }
        case (5, 0x72):  // r
            if text.equalsIgnoringCase("range") { return .range }
        case (6, 0x61):  // a
            if text.equalsIgnoringCase("accept") { return .accept }
        case (6, 0x63):  // c
            if text.equalsIgnoringCase("cookie") { return .cookie }
        case (6, 0x65):  // e
            if text.equalsIgnoringCase("expect") { return .expect }
        case (6, 0x6F):  // o
            if text.equalsIgnoringCase("origin") { return .origin }
        case (6, 0x73):  // s
            if text.equalsIgnoringCase("server") { return .server }
        case (7, 0x72):  // r
            if text.equalsIgnoringCase("referer") { return .referer }
        case (7, 0x74):  // t
            if text.equalsIgnoringCase("trailer") { return .trailer }
        case (7, 0x75):  // u
            if text.equalsIgnoringCase("upgrade") { return .upgrade }
        case (8, 0x6C):  // l
            if text.equalsIgnoringCase("location") { return .location }
        case (9, 0x66):  // f
            if text.equalsIgnoringCase("forwarded") { return .forwarded }
        case (9, 0x72):  // r
            if text.equalsIgnoringCase("ratelimit") { return .rateLimit }
        case (9, 0x78):  // x
            if text.equalsIgnoringCase("x-real-ip") { return .xRealIP }
        case (10, 0x63):  // c
            if text.equalsIgnoringCase("connection") { return .connection }
        case (10, 0x6B):  // k
            if text.equalsIgnoringCase("keep-alive") { return .keepAlive }
        case (10, 0x73):  // s
            if text.equalsIgnoringCase("set-cookie") { return .setCookie }
        case (10, 0x74):  // t
            if text.equalsIgnoringCase("tracestate") { return .tracestate }
        case (10, 0x75):  // u
            if text.equalsIgnoringCase("user-agent") { return .userAgent }
        case (11, 0x72):  // r
            if text.equalsIgnoringCase("retry-after") { return .retryAfter }
        case (11, 0x74):  // t
            if text.equalsIgnoringCase("traceparent") { return .traceparent }
        case (12, 0x63):  // c
            if text.equalsIgnoringCase("content-type") { return .contentType }
        case (12, 0x6D):  // m
            if text.equalsIgnoringCase("max-forwards") { return .maxForwards }
        case (12, 0x78):  // x
            if text.equalsIgnoringCase("x-request-id") { return .xRequestID }
        case (13, 0x61):  // a
            if text.equalsIgnoringCase("authorization") { return .authorization }
            if text.equalsIgnoringCase("audit-receipt") { return .auditReceipt }
        case (13, 0x63):  // c
            if text.equalsIgnoringCase("content-range") { return .contentRange }
            if text.equalsIgnoringCase("cache-control") { return .cacheControl }
        case (14, 0x63):  // c
            if text.equalsIgnoringCase("content-length") { return .contentLength }
        case (14, 0x68):  // h
            if text.equalsIgnoringCase("http2-settings") { return .http2Settings }
        case (15, 0x61):  // a
            if text.equalsIgnoringCase("accept-encoding") { return .acceptEncoding }
        case (15, 0x78):  // x
            if text.equalsIgnoringCase("x-forwarded-for") { return .xForwardedFor }
        case (16, 0x63):  // c
            if text.equalsIgnoringCase("content-encoding") { return .contentEncoding }
        case (16, 0x70):  // p
            if text.equalsIgnoringCase("proxy-connection") { return .proxyConnection }
        case (16, 0x72):  // r
            if text.equalsIgnoringCase("ratelimit-policy") { return .rateLimitPolicy }
        case (16, 0x77):  // w
            if text.equalsIgnoringCase("www-authenticate") { return .wwwAuthenticate }
        case (16, 0x78):  // x
            if text.equalsIgnoringCase("x-forwarded-host") { return .xForwardedHost }
            if text.equalsIgnoringCase("x-forwarded-port") { return .xForwardedPort }
        case (17, 0x74):  // t
            if text.equalsIgnoringCase("transfer-encoding") { return .transferEncoding }
        case (17, 0x78):  // x
            if text.equalsIgnoringCase("x-forwarded-proto") { return .xForwardedProto }
        case (18, 0x70):  // p
            if text.equalsIgnoringCase("proxy-authenticate") { return .proxyAuthenticate }
        case (18, 0x78):  // x
            if text.equalsIgnoringCase("x-forwarded-prefix") { return .xForwardedPrefix }
            if text.equalsIgnoringCase("x-forwarded-server") { return .xForwardedServer }
        case (19, 0x70):  // p
            if text.equalsIgnoringCase("proxy-authorization") { return .proxyAuthorization }
        case (25, 0x70):  // p
            if text.equalsIgnoringCase("proxy-authentication-info") {
                return .proxyAuthenticationInfo
            }
        default:
            break
        }
        return .other
    }
}
