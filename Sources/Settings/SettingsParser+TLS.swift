import TLS

/// What a listener's section `tls` says.
struct ReadServerTLS {
    var settings: TLSServerSettings
    /// nil for `hsts: off`.
    var strictTransport: StrictTransportSettings?
}

extension SettingsParser {
    /// Most certificates of one listener.
    private static let limitCertificates = 256
    /// A year in seconds: less is not worth a place in the browsers' lists.
    private static let leastPreloadSeconds: UInt64 = 31_536_000

    /// A listener's section `tls`. The files that it names are read when the proxy starts.
    func serverTLS(_ value: SettingValue) -> ReadServerTLS? {
        guard
            let section = Section(
                value,
                known: [
                    "min_version", "certificates", "client_ca", "client_crl", "client_auth",
                    "client_verify_depth", "unknown_server_name", "handshake_timeout",
                    "session_tickets", "hsts", "kernel_tls",
                ], diagnostics: diagnostics)
        else { return nil }
        let certificates = section.required("certificates").map(certificates) ?? []
        var settings = TLSServerSettings(certificates: certificates)
        settings.minimumVersion = section.optional("min_version").flatMap(version) ?? .tls12
        readClients(section, &settings)
        settings.unknownServerName =
            section.optional("unknown_server_name").flatMap {
                diagnostics.choice(
                    $0, [("default", UnknownServerName.useDefault), ("refuse", .refuse)])
            } ?? settings.unknownServerName
        settings.handshakeMilliseconds = section.milliseconds(
            "handshake_timeout", in: 100...600_000, otherwise: settings.handshakeMilliseconds)
        settings.tickets = section.optional("session_tickets").map(tickets) ?? settings.tickets
        settings.kernelTLS =
            section.optional("kernel_tls").flatMap {
                diagnostics.choice($0, [("auto", KernelTLS.auto), ("off", .off)])
            } ?? settings.kernelTLS
        let transport = section.optional("hsts").map(strictTransport) ?? StrictTransportSettings()
        return ReadServerTLS(settings: settings, strictTransport: transport)
    }

    /// An upstream's section `tls`.
    func clientTLS(_ value: SettingValue) -> TLSClientSettings? {
        guard
            let section = Section(
                value,
                known: [
                    "ca", "server_name", "client_certificate", "min_version",
                    "accept_any_certificate",
                ], diagnostics: diagnostics)
        else { return nil }
        var settings = TLSClientSettings()
        settings.minimumVersion = section.optional("min_version").flatMap(version) ?? .tls12
        settings.authorities = section.optional("ca").flatMap(path)
        settings.serverName = section.optional("server_name").flatMap(serverName)
        settings.certificate = section.optional("client_certificate").flatMap {
            certificate($0, known: ["cert", "key"])
        }
        settings.acceptsAnyCertificate = section.flag("accept_any_certificate")
        if settings.acceptsAnyCertificate, let value = section.optional("accept_any_certificate") {
            if let authorities = section.optional("ca") {
                diagnostics.error(
                    value,
                    "\(value.name) is true, which makes \(authorities.name) mean nothing: keep one")
            } else {
                diagnostics.warning(
                    value,
                    "\(value.name) is true: whoever answers at an endpoint's address gets every "
                        + "request, credentials included")
            }
        }
        return settings
    }

    // MARK: - Versions and certificates

    /// A version's number; the number 1.2 is the text, too.
    private func version(_ value: SettingValue) -> TLSVersion? {
        if let text = diagnostics.scalar(value), text == "1.0" || text == "1.1" {
            diagnostics.error(
                value,
                "\(value.name) is \(text): attacks on TLS 1.0 and 1.1 are practical, and RFC 8996 "
                    + "forbids both; the oldest is 1.2")
            return nil
        }
        return diagnostics.choice(value, [("1.2", TLSVersion.tls12), ("1.3", .tls13)])
    }

    private func certificates(_ value: SettingValue) -> [CertificateFiles] {
        var all: [CertificateFiles] = []
        for item in diagnostics.list(value, limit: SettingsParser.limitCertificates) {
            guard let files = certificate(item, known: ["cert", "key", "ocsp"]) else { continue }
            if all.contains(where: { $0.certificate == files.certificate }) {
                diagnostics.error(item, "\(item.name) has the cert of an earlier one")
            }
            all.append(files)
        }
        return all
    }

    private func certificate(_ value: SettingValue, known: [String]) -> CertificateFiles? {
        guard let section = Section(value, known: known, diagnostics: diagnostics) else {
            return nil
        }
        let certificate = section.required("cert").flatMap(path)
        let key = section.required("key").flatMap(path)
        let ocsp = section.optional("ocsp").flatMap(path)
        guard let certificate, let key else { return nil }
        return CertificateFiles(certificate: certificate, key: key, ocsp: ocsp)
    }

    private func serverName(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value, limitBytes: 253) else { return nil }
        guard SettingsParser.isHost(text) else {
            diagnostics.error(value, "\(value.name) is \(value.kind), not a host name")
            return nil
        }
        return text
    }

    // MARK: - Clients' certificates

    private func readClients(_ section: Section, _ settings: inout TLSServerSettings) {
        let authorities = section.optional("client_ca")
        let choice = section.optional("client_auth")
        settings.clientAuthorities = authorities.flatMap(path)
        settings.clientRevocations = section.optional("client_crl").flatMap(path)
        settings.clientVerificationDepth = section.number(
            "client_verify_depth", in: 0...16, otherwise: settings.clientVerificationDepth)
        let wanted = choice.flatMap {
            diagnostics.choice(
                $0,
                [
                    ("off", ClientAuthentication.off), ("optional", .optional),
                    ("require", .require),
                ])
        }
        settings.clientAuthentication = wanted ?? .off
        if let choice {
            guard let wanted else { return }
            if wanted != .off, authorities == nil {
                diagnostics.error(
                    choice,
                    "\(choice.name) is \(wanted), but \(section.value.name).client_ca does not say "
                        + "whose certificates count")
            }
            guard wanted == .off else { return }
        }
        for key in ["client_ca", "client_crl", "client_verify_depth"] {
            guard let value = section.optional(key) else { continue }
            diagnostics.error(
                value,
                "\(value.name) is about clients' certificates, but client_auth is off; write "
                    + "optional or require")
        }
    }

    // MARK: - Tickets and strict transport

    private func tickets(_ value: SettingValue) -> SessionTicketSettings {
        var settings = SessionTicketSettings()
        if diagnostics.scalar(value) == "off" {
            settings.isEnabled = false
            return settings
        }
        guard isMappingOrOff(value),
            let section = Section(value, known: ["lifetime", "rotate"], diagnostics: diagnostics)
        else { return settings }
        // RFC 8446 §4.6.1: no ticket lives longer than seven days.
        let range: ClosedRange<UInt64> = 60_000...604_800_000
        let lifetime = section.milliseconds(
            "lifetime", in: range, otherwise: settings.lifetimeSeconds * 1000)
        // Without a pace of its own, three keys cover the lifetime.
        let rotation = section.milliseconds("rotate", in: range, otherwise: max(lifetime / 3, 1000))
        settings.lifetimeSeconds = lifetime / 1000
        settings.rotationSeconds = rotation / 1000
        let keys = (lifetime + rotation - 1) / rotation
        if keys > TicketKeys.earlierLimit, let value = section.optional("rotate") {
            let text = Units.durationText(UInt64(lifetime))
            diagnostics.error(
                value,
                "\(value.name) would keep \(keys) keys for a lifetime of \(text), limit "
                    + "\(TicketKeys.earlierLimit)")
        }
        return settings
    }

    private func strictTransport(_ value: SettingValue) -> StrictTransportSettings? {
        if diagnostics.scalar(value) == "off" { return nil }
        var settings = StrictTransportSettings()
        guard isMappingOrOff(value),
            let section = Section(
                value, known: ["max_age", "include_subdomains", "preload"],
                diagnostics: diagnostics)
        else { return settings }
        settings.maxAgeSeconds =
            section.optional("max_age").flatMap {
                diagnostics.milliseconds($0, in: 0...315_360_000_000)
            }.map { $0 / 1000 } ?? settings.maxAgeSeconds
        settings.includesSubdomains = section.flag("include_subdomains")
        settings.isPreloaded = section.flag("preload")
        let isWorthIt =
            settings.includesSubdomains
            && settings.maxAgeSeconds >= SettingsParser.leastPreloadSeconds
        if settings.isPreloaded, !isWorthIt, let value = section.optional("preload") {
            diagnostics.error(
                value,
                "\(value.name) needs include_subdomains: true and a max_age of 365d or more: "
                    + "browsers list no other host")
        }
        return settings
    }

    private func isMappingOrOff(_ value: SettingValue) -> Bool {
        if case .mapping = value.content { return true }
        diagnostics.error(value, "\(value.name) must be off or a mapping, not \(value.kind)")
        return false
    }
}
