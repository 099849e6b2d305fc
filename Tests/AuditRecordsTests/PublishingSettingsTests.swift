import AuditRecords
import Testing

@Suite struct PublishingSettingsTests {
    @Test func `nothing is published that was not asked for`() {
        let settings = AuditSettings(directory: "", originName: "", signingKeyPath: "")
        #expect(settings.journal == nil)
        let journal = JournalSettings()
        #expect(journal.sendsCheckpoints)
        #expect(journal.records == JournalRecords.none)
        #expect(journal.socketPath == "/run/systemd/journal/socket")
    }
}
