/// What a listener tells browsers about coming back without TLS (RFC 6797).
public struct StrictTransportSettings: Sendable, Equatable {
    /// For how long they come by TLS only; 0 takes back what was said before.
    public var maxAgeSeconds: UInt64 = 31_536_000
    /// Whether that holds for all names below the host's, too.
    public var includesSubdomains = false
    /// Whether browsers may ship the host in their lists.
    public var isPreloaded = false

    /// The defaults: a year, for the host alone.
    public init() {}

    /// The whole field line, CRLF included.
    public var fieldLine: [UInt8] {
        var line = "Strict-Transport-Security: max-age=\(maxAgeSeconds)"
        if includesSubdomains { line += "; includeSubDomains" }
        if isPreloaded { line += "; preload" }
        return Array((line + "\r\n").utf8)
    }
}
