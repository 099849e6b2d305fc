import TLS
import Upstream

/// An upstream of the file, and how it is spoken to over TLS.
struct ReadUpstream {
    var settings: UpstreamSettings
    /// nil when it is spoken to in the clear.
    var tls: TLSClientSettings?
}

/// An endpoint's URL.
private struct ReadEndpoint {
    var endpoint: EndpointSettings
    var isSecure: Bool
    var place: SettingValue
}

extension SettingsParser {
    /// Most upstreams of a file.
    private static let limitUpstreams = 1024
    /// Most endpoints of one upstream.
    private static let limitEndpoints = 256

    /// The section `upstreams`.
    func upstreams(_ value: SettingValue) -> [ReadUpstream] {
        diagnostics.named(value, limit: SettingsParser.limitUpstreams).map { entry in
            // One that was refused keeps its place, so that the numbers of routes stay right.
            upstream(entry)
                ?? ReadUpstream(settings: UpstreamSettings(name: entry.key, endpoints: []))
        }
    }

    private func upstream(_ entry: SettingEntry) -> ReadUpstream? {
        guard
            let section = Section(
                entry.value,
                known: ["endpoints", "tls", "balance", "timeouts", "retries", "idle_connections"],
                later: ["health", "proxy_protocol"], diagnostics: diagnostics)
        else { return nil }
        var settings = UpstreamSettings(name: entry.key, endpoints: [])
        let endpoints = section.required("endpoints").map(endpoints) ?? []
        settings.endpoints = endpoints.map(\.endpoint)
        settings.isSecure = endpoints.contains(where: \.isSecure)
        readBalance(section)
        readTimes(section, &settings)
        settings.idleConnections = section.number(
            "idle_connections", in: 0...65536, otherwise: settings.idleConnections)
        let tls = upstreamTLS(section.optional("tls"), endpoints)
        return ReadUpstream(settings: settings, tls: tls)
    }

    /// What the section `tls` says, or the defaults for endpoints that are https without one.
    private func upstreamTLS(
        _ value: SettingValue?, _ endpoints: [ReadEndpoint]
    ) -> TLSClientSettings? {
        let settings = value.flatMap(clientTLS)
        guard let first = endpoints.first else { return settings }
        if let other = endpoints.first(where: { $0.isSecure != first.isSecure }) {
            diagnostics.error(
                other.place,
                "\(other.place.name) is \(other.isSecure ? "https" : "http"), but the first is "
                    + "\(first.isSecure ? "https" : "http"): an upstream has one scheme")
            return settings
        }
        guard first.isSecure else {
            if let value {
                diagnostics.error(value, "\(value.name) says how, but no endpoint is https")
            }
            return nil
        }
        return settings ?? TLSClientSettings()
    }

    private func readBalance(_ section: Section) {
        if let balance = section.optional("balance") {
            let _: Bool? = diagnostics.choice(
                balance, [("round_robin", true)], later: ["least_requests", "random", "hash"])
        }
    }

    private func readTimes(_ section: Section, _ settings: inout UpstreamSettings) {
        if let timeouts = section.optional("timeouts").flatMap({
            Section(
                $0, known: ["connect", "response", "stall", "idle"], diagnostics: diagnostics)
        }) {
            settings.connectMilliseconds = timeouts.milliseconds(
                "connect", in: 10...60_000, otherwise: settings.connectMilliseconds)
            settings.responseMilliseconds = timeouts.milliseconds(
                "response", in: 10...3_600_000, otherwise: settings.responseMilliseconds)
            settings.stallMilliseconds = timeouts.milliseconds(
                "stall", in: 10...3_600_000, otherwise: settings.stallMilliseconds)
            settings.idleMilliseconds = timeouts.milliseconds(
                "idle", in: 100...3_600_000, otherwise: settings.idleMilliseconds)
        }
        if let retries = section.optional("retries").flatMap({
            Section($0, known: ["attempts", "on"], diagnostics: diagnostics)
        }) {
            settings.connectRetries = UInt8(
                retries.number("attempts", in: 0...10, otherwise: Int(settings.connectRetries)))
            for item in retries.optional("on").map({ diagnostics.list($0, limit: 8) }) ?? [] {
                let _: Bool? = diagnostics.choice(
                    item, [("connect_failure", true)], later: ["timeout", "status_5xx", "5xx"])
            }
        }
    }

    private func endpoints(_ value: SettingValue) -> [ReadEndpoint] {
        diagnostics.list(value, limit: SettingsParser.limitEndpoints).compactMap(endpoint)
    }

    private func endpoint(_ value: SettingValue) -> ReadEndpoint? {
        guard let text = diagnostics.text(value) else { return nil }
        let example = "http://10.0.1.5:9000"
        let isSecure = text.hasPrefix("https://")
        let scheme = isSecure ? "https://" : "http://"
        guard text.hasPrefix(scheme) else {
            diagnostics.error(value, "\(value.name) is \(value.kind), not a URL such as \(example)")
            return nil
        }
        var rest = String(text.dropFirst(scheme.count))
        if rest.hasSuffix("/") { rest.removeLast() }
        guard !rest.contains(where: { "/?#@".contains($0) }) else {
            diagnostics.error(
                value, "\(value.name) is \(value.kind): an endpoint is a host and port only")
            return nil
        }
        guard
            let (host, port) = SettingsParser.hostAndPort(rest, defaultPort: isSecure ? 443 : 80),
            port != 0, SettingsParser.isHost(host)
        else {
            diagnostics.error(value, "\(value.name) is \(value.kind), not a URL such as \(example)")
            return nil
        }
        return ReadEndpoint(
            endpoint: EndpointSettings(host: host, port: port), isSecure: isSecure, place: value)
    }

    static func isHost(_ host: String) -> Bool {
        guard host.utf8.count <= 253 else { return false }
        if host.contains(":") { return addressRange(host) != nil && !host.contains("/") }
        return host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        } && !host.hasPrefix(".") && !host.contains("..")
    }
}
