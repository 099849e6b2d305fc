import Primitives
import TLS

/// A listener of the file, before those that redirect know where to.
struct ReadListener {
    var settings: ListenerSettings
    /// Its place in the file.
    var place: SettingValue
    /// What `redirect_to_https` says; nil when it stands for nothing.
    var redirect: Redirect?

    /// Where a listener redirects to.
    enum Redirect {
        case onlyListener(SettingValue)
        case port(UInt16, SettingValue)
    }

    /// Whether clients speak to it in the clear, and other machines can listen.
    var isExposed: Bool {
        guard !place.hasKey("tls"), redirect == nil else { return false }
        // Where systemd listens is known at the start only.
        guard settings.socketName == nil else { return false }
        return !SettingsParser.isLoopback(settings.host)
    }
}

extension SettingsParser {
    /// Most listeners of a file.
    private static let limitListeners = 64
    /// Most address blocks of one listener.
    private static let limitRanges = 1024

    /// The section `listeners`.
    func listeners(_ value: SettingValue) -> [ReadListener] {
        let entries = diagnostics.named(value, limit: SettingsParser.limitListeners)
        if case .mapping(let all) = value.content, all.isEmpty {
            diagnostics.error(value, "listeners is empty: nobody could connect")
        }
        var listeners: [ReadListener] = []
        for entry in entries {
            guard let listener = listener(entry) else { continue }
            let place = ListeningPlace(listener.settings)
            if listeners.contains(where: { ListeningPlace($0.settings).isTaken(by: place) }) {
                diagnostics.error(
                    entry.value,
                    "\(entry.value.name) has the \(place.word) of an earlier listener")
            }
            listeners.append(listener)
        }
        // A listener whose tls was refused is not missing.
        let hasTLS = entries.contains { $0.value.hasKey("tls") }
        return resolveRedirects(listeners, hasTLS: hasTLS)
    }

    /// Tells each listener that redirects where to.
    private func resolveRedirects(
        _ listeners: [ReadListener], hasTLS: Bool
    ) -> [ReadListener] {
        let secure = listeners.indices.filter { listeners[$0].settings.tls != nil }
        return listeners.map { listener in
            var listener = listener
            switch listener.redirect {
            case .onlyListener(let value):
                listener.settings.redirectsToHTTPS = secure.first.map { .listener($0) }
                if secure.count > 1 {
                    let names = secure.map { listeners[$0].settings.name }
                    diagnostics.error(
                        value,
                        "\(value.name) is true, but \(names.joined(separator: " and ")) have tls: "
                            + "write the port")
                }
                if !hasTLS { reportUnredirectable(value) }
            case .port(let port, let value):
                listener.settings.redirectsToHTTPS = .port(port)
                if !hasTLS { reportUnredirectable(value) }
            case nil:
                break
            }
            return listener
        }
    }

    private func reportUnredirectable(_ value: SettingValue) {
        diagnostics.error(value, "\(value.name) leads nowhere: no listener has tls")
    }

    private func redirect(_ value: SettingValue) -> ReadListener.Redirect? {
        switch value.content {
        case .scalar("true", isQuoted: false):
            return .onlyListener(value)
        case .scalar(let text, isQuoted: false) where Units.isNumber(text):
            return diagnostics.number(value, in: 1...65535).map { .port(UInt16($0), value) }
        default:
            diagnostics.error(value, "\(value.name) must be true or a port, not \(value.kind)")
            return nil
        }
    }

    private func listener(_ entry: SettingEntry) -> ReadListener? {
        guard
            let section = Section(
                entry.value,
                known: ["address", "socket", "trusted_proxies", "tls", "redirect_to_https"],
                later: ["proxy_protocol"], diagnostics: diagnostics)
        else { return nil }
        let trusted = section.optional("trusted_proxies").map(ranges) ?? []
        let tls = section.optional("tls").flatMap(serverTLS)
        let redirect = section.optional("redirect_to_https").flatMap(redirect)
        if let value = section.optional("redirect_to_https"), section.optional("tls") != nil {
            diagnostics.error(
                value, "\(value.name): a listener with tls is where redirects lead, not one itself")
        }
        guard let place = listeningPlace(section) else { return nil }
        var settings = ListenerSettings(
            name: entry.key, host: place.host, port: place.port, trustedProxies: trusted)
        settings.socketName = place.socketName
        settings.tls = tls?.settings
        settings.strictTransport = tls?.strictTransport
        return ReadListener(settings: settings, place: entry.value, redirect: redirect)
    }

    private func ranges(_ value: SettingValue) -> [AddressRange] {
        if case .sequence(let items) = value.content, items.isEmpty { return [] }
        return diagnostics.list(value, limit: SettingsParser.limitRanges).compactMap { item in
            guard let text = diagnostics.text(item) else { return nil }
            guard let range = SettingsParser.addressRange(text) else {
                diagnostics.error(
                    item, "\(item.name) is \(item.kind), not an address or block such as 10.0.0.0/8"
                )
                return nil
            }
            if range.prefixBits == 0 || (isIPv4(range.address) && range.prefixBits == 96) {
                diagnostics.warning(
                    item, "\(item.name) is \(text): every client may say who it is")
            }
            return range
        }
    }

    private func isIPv4(_ address: Identifier128) -> Bool {
        address.high == 0 && address.low >> 32 == 0xFFFF
    }

    /// A block such as `10.0.0.0/8` or `2001:db8::/32`, or one address.
    static func addressRange(_ text: String) -> AddressRange? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2 else { return nil }
        let bytes = Array(first.utf8)
        guard let address = Identifier128(addressText: bytes.span) else { return nil }
        // The text decides, since an IPv4-mapped IPv6 block counts its bits from the left.
        let offset = first.contains(":") ? 0 : 96
        guard parts.count == 2 else { return AddressRange(address: address, prefixBits: 128) }
        guard Units.isNumber(String(parts[1])), parts[1].utf8.count <= 3, let bits = Int(parts[1]),
            bits <= 128 - offset
        else { return nil }
        return AddressRange(address: address, prefixBits: bits + offset)
    }

    /// Host and port of `host:port` or `[address]:port`; the host without brackets.
    static func hostAndPort(_ text: String, defaultPort: UInt16?) -> (String, UInt16)? {
        var host = text[...]
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            guard host.contains(":") else { return nil }
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = rest.dropFirst()
            }
        } else if let colon = host.lastIndex(of: ":") {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
            guard !host.contains(":") else { return nil }
        }
        guard !host.isEmpty else { return nil }
        guard let port else { return defaultPort.map { (String(host), $0) } }
        guard Units.isNumber(String(port)), let number = UInt16(port) else { return nil }
        return (String(host), number)
    }
}
