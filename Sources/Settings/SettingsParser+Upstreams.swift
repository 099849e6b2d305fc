import Upstream

extension SettingsParser {
    /// Most upstreams of a file.
    private static let limitUpstreams = 1024
    /// Most endpoints of one upstream.
    private static let limitEndpoints = 256

    /// The section `upstreams`.
    func upstreams(_ value: SettingValue) -> [UpstreamSettings] {
        diagnostics.named(value, limit: SettingsParser.limitUpstreams).map { entry in
            // One that was refused keeps its place, so that the numbers of routes stay right.
            upstream(entry) ?? UpstreamSettings(name: entry.key, endpoints: [])
        }
    }

    private func upstream(_ entry: SettingEntry) -> UpstreamSettings? {
        guard
            let section = Section(
                entry.value,
                known: ["endpoints", "balance", "timeouts", "retries", "idle_connections"],
                later: ["health", "tls", "proxy_protocol"], diagnostics: diagnostics)
        else { return nil }
        var settings = UpstreamSettings(name: entry.key, endpoints: [])
        settings.endpoints = section.required("endpoints").map(endpoints) ?? []
        if let balance = section.optional("balance") {
            let _: Bool? = diagnostics.choice(
                balance, [("round_robin", true)], later: ["least_requests", "random", "hash"])
        }
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
        settings.idleConnections = section.number(
            "idle_connections", in: 0...65536, otherwise: settings.idleConnections)
        return settings
    }

    private func endpoints(_ value: SettingValue) -> [EndpointSettings] {
        diagnostics.list(value, limit: SettingsParser.limitEndpoints).compactMap(endpoint)
    }

    private func endpoint(_ value: SettingValue) -> EndpointSettings? {
        guard let text = diagnostics.text(value) else { return nil }
        guard !text.hasPrefix("https://") else {
            diagnostics.error(value, "\(value.name): https is not supported in this version")
            return nil
        }
        let example = "http://10.0.1.5:9000"
        guard text.hasPrefix("http://") else {
            diagnostics.error(value, "\(value.name) is \(value.kind), not a URL such as \(example)")
            return nil
        }
        var rest = String(text.dropFirst("http://".count))
        if rest.hasSuffix("/") { rest.removeLast() }
        guard !rest.contains(where: { "/?#@".contains($0) }) else {
            diagnostics.error(
                value, "\(value.name) is \(value.kind): an endpoint is a host and port only")
            return nil
        }
        guard let (host, port) = SettingsParser.hostAndPort(rest, defaultPort: 80), port != 0,
            SettingsParser.isHost(host)
        else {
            diagnostics.error(value, "\(value.name) is \(value.kind), not a URL such as \(example)")
            return nil
        }
        return EndpointSettings(host: host, port: port)
    }

    private static func isHost(_ host: String) -> Bool {
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
