import AuditRecords
import LinuxIO

extension SettingsParser {
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
