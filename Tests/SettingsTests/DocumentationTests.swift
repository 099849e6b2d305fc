import Foundation
import Testing

@Suite struct DocumentationTests {
    private func page() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(
            contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
    }

    @Test func `the whole file in the documentation holds`() throws {
        let parts = try page().components(separatedBy: "```")
        let example = try #require(parts.first { $0.hasPrefix("yaml\n") })
        let text = String(example.dropFirst("yaml\n".count))
        #expect(try Fixture.errors(text) == [])
        #expect(try Fixture.parse(text).warnings == [])
    }

    @Test(arguments: [
        "request_line", "head", "fields", "trailers", "chunk_line", "body", "token", "head_time",
        "idle_time", "body_stall", "connections", "requests_per_connection", "drain_time",
        "audit_wait", "rate_limit_slots", "directory", "origin", "signing_key", "signer.socket",
        "bound.time", "commit_timeout", "mode",
        "bound.records", "checkpoint", "rotate.size", "rotate.age", "heartbeat", "epoch", "ring",
        "disk.warn", "disk.reserve",
        "endpoints", "balance", "timeouts.connect", "timeouts.response", "timeouts.stall",
        "timeouts.idle", "retries.attempts", "retries.on", "idle_connections", "issuer",
        "audience", "algorithms", "token_type", "max_age", "clock_skew", "claims.subject",
        "claims.roles", "jwks.file", "address", "trusted_proxies", "match.path", "match.host",
        "match.methods", "auth", "allow", "rate_limit", "upstream", "respond.status",
        "respond.body", "respond.content_type", "request_headers.set", "request_headers.remove",
        "audit.mode", "audit.level", "level", "privacy", "client_ip", "query", "headers",
        "response_headers", "redact", "redact.name", "redact.action", "redact.path",
        "redact.query", "redact.headers", "redact.claims", "redact.body", "body", "version",
        "workers", "realm", "roles",
        "tls", "redirect_to_https", "certificates", "min_version", "client_auth", "client_ca",
        "client_crl", "client_verify_depth", "unknown_server_name", "handshake_timeout",
        "session_tickets", "session_tickets.lifetime", "session_tickets.rotate", "hsts",
        "hsts.max_age", "hsts.include_subdomains", "hsts.preload", "kernel_tls", "ca",
        "server_name", "client_certificate", "accept_any_certificate", "allow.roles",
        "allow.certificate",
    ])
    func `a key has its row`(key: String) throws {
        #expect(try page().contains("| `\(key)` |"))
    }
}
