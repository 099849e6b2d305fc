import AuditRecords
import AuditSegments
import LinuxIO

extension SettingsParser {
    /// Most witnesses: each costs a request a round.
    private static let limitWitnesses = 16
    private static let limitAuthorityBytes = 1 << 20
    /// A thread sends some 20,000 messages a second.
    private static let limitRecordRate = 100_000

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

    /// Warns of records that are encrypted in the log alone.
    func warnJournal(_ settings: AuditSettings, _ value: SettingValue) {
        guard let records = settings.journal?.records, records != .none,
            !settings.recipients.isEmpty
        else { return }
        diagnostics.warning(
            value,
            "\(value.name).records: records are encrypted in the log, but stand in the journal in "
                + "the clear, for whoever may read it")
    }

    /// The section `audit.journald`.
    func journald(_ value: SettingValue) -> JournalSettings? {
        guard
            let section = Section(
                value, known: ["checkpoints", "directory", "records", "record_rate", "socket"],
                diagnostics: diagnostics)
        else { return nil }
        var settings = JournalSettings()
        if let checkpoints = section.optional("checkpoints").flatMap(diagnostics.flag) {
            settings.sendsCheckpoints = checkpoints
        }
        let records = section.optional("records").flatMap { value in
            diagnostics.choice(
                value, [("none", JournalRecords.none), ("denied", .denied), ("all", .all)])
        }
        settings.records = records ?? settings.records
        settings.recordsPerSecond = UInt32(
            section.number(
                "record_rate", in: 0...SettingsParser.limitRecordRate,
                otherwise: Int(settings.recordsPerSecond)))
        settings.socketPath =
            section.optional("socket").flatMap {
                absolutePath($0, limitBytes: LocalDatagram.limitPathBytes)
            } ?? settings.socketPath
        settings.directoryPath = section.optional("directory").flatMap {
            absolutePath($0, limitBytes: 4096)
        }
        return settings
    }

    private func absolutePath(_ value: SettingValue, limitBytes: Int) -> String? {
        guard let path = diagnostics.text(value, limitBytes: limitBytes) else { return nil }
        guard path.hasPrefix("/") else {
            diagnostics.error(
                value, "\(value.name) is '\(path.shortened)', not an absolute path")
            return nil
        }
        return path
    }
}
