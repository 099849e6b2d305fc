import Testing

@testable import Systemd

@Suite struct JournalFieldTests {
    @Test func `a name has capitals, digits and underscores`() {
        #expect(JournalField("SALLYPORT_client ip-1", "x").name == "SALLYPORT_CLIENT_IP_1")
        #expect(JournalField(String(repeating: "a", count: 99), "").name.utf8.count == 64)
    }

    @Test func `sending ends, whether journald is there or not`() {
        Journal.send([JournalField("MESSAGE", "a test"), JournalField("PRIORITY", "7")])
    }
}
