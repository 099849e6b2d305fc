import Primitives
import Synchronization
import Testing

@testable import Systemd

@Suite struct NotifierTests {
    private final class Said: Sendable {
        let messages = Mutex<[String]>([])
        var notifier: Notifier { Notifier { text in self.messages.withLock { $0.append(text) } } }
        var all: [String] { messages.withLock { $0 } }
    }

    @Test func `each message has systemd's words`() {
        let said = Said()
        let notifier = said.notifier
        notifier.ready("all\nwell")
        notifier.reloading(at: Instant(nanoseconds: 1_234_567))
        notifier.status("5 requests")
        notifier.extendTimeout(milliseconds: 30_000, "reading")
        notifier.watchdog()
        notifier.stopping("draining")
        #expect(
            said.all == [
                "READY=1\nSTATUS=all well",
                "RELOADING=1\nMONOTONIC_USEC=1234\nSTATUS=reading the settings",
                "STATUS=5 requests", "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading",
                "WATCHDOG=1", "STOPPING=1\nSTATUS=draining",
            ])
    }

    @Test func `nobody is told when nobody asks`() {
        Notifier.system.watchdog()
        #expect(Notifier.watchdogNanoseconds() == nil)
    }
}
