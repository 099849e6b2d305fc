import AuditRecords
import AuditWriter
import LinuxIO
import Primitives
import Testing

@testable import AuditPublishing

@Suite struct JournalMemoryTests {
    @Test(
        arguments: [
            ("/run/systemd/journal/socket", nil, true),
            ("/run/systemd/journal.a-b/socket", "a-b", true),
            ("/run/systemd/journal./socket", nil, false), ("/tmp/socket", nil, false),
            ("/run/systemd/journal.a/b/socket", nil, false),
        ] as [(String, String?, Bool)])
    func `where messages end up follows from the socket`(
        socket: String, namespace: String?, isReadable: Bool
    ) {
        var settings = JournalSettings()
        settings.socketPath = socket
        #expect(settings.namespace == namespace)
        #expect(settings.isReadable == isReadable)
        settings.directoryPath = "/somewhere"
        #expect(settings.isReadable)
    }

    @Test func `a journal that is told nothing, or lies nowhere known, is not asked`() {
        var settings = JournalSettings()
        settings.socketPath = "/tmp/socket"
        #expect(JournalMemory.recall(settings) == nil)
        settings.directoryPath = "/nowhere"
        settings.sendsCheckpoints = false
        #expect(JournalMemory.recall(settings) == nil)
    }

    @Test func `a folder that is not there is no journal`() {
        var settings = JournalSettings()
        settings.directoryPath = "/nowhere"
        #expect(
            JournalMemory.recall(settings)
                == .unreadable(SystemError("sd_journal_open", 2)))
    }

    @Test func `a folder without a journal has no notes`() throws {
        let reader = try JournalReader(
            {
                var settings = JournalSettings()
                settings.directoryPath = "/proc/self/fd"
                return settings
            }())
        let notes = try reader.notes(user: 0, until: SystemClock.monotonic())
        #expect(notes == [])
    }
}

@Suite struct WitnessMemoryTests {
    @Test func `a witness that is not there says nothing`() {
        let witness = WitnessSettings(
            key: "w.example+e25d5acc+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
            url: "http://127.0.0.1:1")
        let log = FoundLog(origin: "o", path: "/nowhere", published: nil)
        #expect(WitnessMemory.recall([witness], of: log) == Hearsay())
        #expect(WitnessMemory.recall([], of: log) == Hearsay())
        let other = WitnessSettings(key: "none", url: "http://127.0.0.1:1")
        #expect(WitnessMemory.recall([other], of: log) == Hearsay())
    }
}
