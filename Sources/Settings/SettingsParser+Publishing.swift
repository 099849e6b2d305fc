import AuditRecords
import AuditSegments
import LinuxIO

extension SettingsParser {
    /// Most witnesses: each costs a request a round.
    private static let limitWitnesses = 16
    private static let limitAuthorityBytes = 1 << 20

    /// The list `audit.witnesses`.
    func witnesses(_ value: SettingValue) -> [WitnessSettings] {
        var found: [WitnessSettings] = []
        for item in diagnostics.list(value, limit: SettingsParser.limitWitnesses) {
            guard
                let section = Section(item, known: ["key", "url", "ca"], diagnostics: diagnostics)
            else { continue }
            let key = section.required("key").flatMap(witnessKey)
            let url = section.required("url").flatMap(witnessURL)
            let authorities = section.optional("ca").flatMap(authorities)
            guard let key, let url else { continue }
            guard !found.contains(where: { $0.key == key }) else {
                diagnostics.error(item, "\(item.name) has the key of an earlier witness")
                continue
            }
            found.append(WitnessSettings(key: key, url: url, authoritiesPath: authorities))
        }
        return found
    }

    private func witnessKey(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value) else { return nil }
        guard let key = try? WitnessKey(text) else {
            diagnostics.error(
                value,
                "\(value.name) is \(value.kind), not the verifier key of a witness "
                    + "(NAME+ID+KEY of type 0x04, as the witness prints it)")
            return nil
        }
        return key.text
    }

    /// A place to ask at: no query, no credentials, and no slash at its end.
    private func witnessURL(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value) else { return nil }
        let isSecure = text.hasPrefix("https://")
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let host = rest.prefix { $0 != "/" }
        guard isSecure || text.hasPrefix("http://"), !host.isEmpty,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !text.contains(where: { "?#@\"<>\\^`{|}".contains($0) })
        else {
            diagnostics.error(
                value, "\(value.name) is \(value.kind), not a URL such as https://witness.example/w"
            )
            return nil
        }
        let isLocal = ["127.0.0.1", "[::1]", "localhost"].contains {
            host == $0 || host.hasPrefix("\($0):")
        }
        if !isSecure, !isLocal {
            diagnostics.warning(
                value, "\(value.name) is asked without TLS: others can see and hold back answers")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private func authorities(_ value: SettingValue) -> String? {
        guard let path = path(value),
            content(
                of: path, for: value, limitBytes: SettingsParser.limitAuthorityBytes) != nil
        else { return nil }
        return path
    }

    /// The section `audit.journald`.
    func journald(_ value: SettingValue) -> JournalSettings? {
        guard
            let section = Section(
                value, known: ["checkpoints", "records", "socket"], diagnostics: diagnostics)
        else { return nil }
        var settings = JournalSettings()
        if let checkpoints = section.optional("checkpoints").flatMap(diagnostics.flag) {
            settings.sendsCheckpoints = checkpoints
        }
        if let records = section.optional("records") {
            _ = diagnostics.choice(records, [("none", ())], later: ["denied", "all"])
        }
        if let path = section.optional("socket").flatMap({
            diagnostics.text($0, limitBytes: LocalDatagram.limitPathBytes)
        }) {
            if path.hasPrefix("/") {
                settings.socketPath = path
            } else {
                diagnostics.error(
                    value, "\(value.path).socket is '\(path.shortened)', not an absolute path")
            }
        }
        return settings
    }
}
