import AuditWriter
import LinuxIO
import Testing

@Suite struct LatestNoteTests {
    @Test func `the last note replaces those before, and is taken once`() throws {
        let mailbox = try LatestNote()
        var poller = try Poller(batch: 1)
        try mailbox.signal.watch(with: poller)
        #expect(mailbox.take() == nil)
        mailbox.put([1])
        mailbox.put([2])
        #expect(try poller.wait(milliseconds: 0) == 1)
        mailbox.signal.drain()
        #expect(mailbox.take() == [2])
        #expect(mailbox.take() == nil)
        #expect(try poller.wait(milliseconds: 0) == 0)
        #expect(!mailbox.signal.isStopping)
        mailbox.signal.stop()
        #expect(mailbox.signal.isStopping)
        #expect(try poller.wait(milliseconds: 0) == 1)
    }
}
