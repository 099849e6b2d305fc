import Logging
import Primitives
import Synchronization
import Systemd
import Testing

@testable import Supervisor

@Suite struct ProgramLogTests {
    private final class Sent: Sendable {
        let messages = Mutex<[[JournalField]]>([])
        var all: [[JournalField]] { messages.withLock { $0 } }
    }

    @Test func `a message has its level, its name and its metadata as fields`() {
        let sent = Sent()
        let logger = Logger(label: "sallyport") { label in
            JournalLogHandler(identifier: label) { fields in
                sent.messages.withLock { $0.append(fields) }
                return true
            }
        }
        logger.debug("too small a matter")
        logger.warning("the disk is full", metadata: ["used percent": "99"])
        #expect(sent.all.count == 1)
        let fields = sent.all.first ?? []
        #expect(fields.contains(JournalField("MESSAGE", "the disk is full")))
        #expect(fields.contains(JournalField("PRIORITY", "4")))
        #expect(fields.contains(JournalField("SYSLOG_IDENTIFIER", "sallyport")))
        #expect(fields.contains(JournalField("SALLYPORT_USED_PERCENT", "99")))
        #expect(fields.contains { $0.name == "CODE_FILE" })
    }

    @Test func `each level has its priority`() {
        #expect(
            Logger.Level.allCases.map(JournalLogHandler.priority) == [7, 7, 6, 5, 4, 3, 2])
    }

    @Test func `more than the allowance is left out, and counted`() {
        let allowance = LogAllowance()
        let start = Instant(nanoseconds: 1_000_000_000)
        for _ in 0..<LogAllowance.burst {
            #expect(allowance.take(now: start) == .room(leftOut: 0))
        }
        #expect(allowance.take(now: start) == .full)
        #expect(allowance.take(now: start) == .full)
        #expect(
            allowance.take(now: start.advanced(nanoseconds: 100_000_000)) == .room(leftOut: 2))
    }

    @Test func `a critical message is never left out`() {
        let sent = Sent()
        let allowance = LogAllowance()
        let logger = Logger(label: "sallyport") { label in
            LimitedLogHandler(
                JournalLogHandler(identifier: label) { fields in
                    sent.messages.withLock { $0.append(fields) }
                    return true
                }, allowance)
        }
        for number in 0..<200 { logger.notice("\(number)") }
        logger.critical("the log has failed")
        #expect(sent.all.count < 110)
        #expect(
            sent.all.contains { $0.contains(JournalField("MESSAGE", "the log has failed")) })
    }
}
