import AuditRecords

extension SettingsParser {
    /// `audit.retain`: how long records are kept; what is not said is kept for good.
    func retention(_ value: SettingValue) -> RetentionSettings {
        var retention = RetentionSettings()
        guard let section = Section(value, known: ["age", "size"], diagnostics: diagnostics) else {
            return retention
        }
        retention.ageSeconds = section.optional("age").flatMap {
            diagnostics.milliseconds($0, in: SettingsParser.retainedMilliseconds)
        }.map { $0 / 1000 }
        retention.limitBytes = section.optional("size").flatMap {
            diagnostics.bytes($0, in: SettingsParser.retainedBytes)
        }
        if section.optional("age") == nil, section.optional("size") == nil {
            diagnostics.error(
                value, "\(value.name) has neither age nor size; leave it out to keep everything")
        }
        return retention
    }

    /// As short as the shortest segment, to a hundred years.
    private static let retainedMilliseconds: ClosedRange<UInt64> = 1000...3_153_600_000_000
    /// Two of the smallest segments, to 1,024 TiB.
    private static let retainedBytes: ClosedRange<UInt64> = (2 << 20)...(1 << 50)
}
