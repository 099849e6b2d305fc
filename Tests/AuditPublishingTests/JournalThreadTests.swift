import AuditRecords
import AuditWriter
import LinuxIO
import Primitives
import Synchronization
import Testing

@testable import AuditPublishing

@Suite struct JournalThreadTests {
    @Test func `without a journald everything is counted, the operator told once`() throws {
        let queue = try PublicationQueue()
        var settings = JournalSettings()
        settings.socketPath = "/nowhere/\(UInt64.random(in: 0...UInt64.max))"
        let notices = Said<JournalNotice>()
        let recorded = Said<LifecycleEvent>()
        let thread = try JournalThread(
            settings: settings, origin: "o", queue: queue, record: { recorded.append($0) },
            tell: { notices.append($0) })
        for number in 0..<PublicationQueue.capacity + 1 {
            queue.put(.checkpoint(note: [UInt8(truncatingIfNeeded: number)]))
        }
        queue.put(.event(PublishedEvent(word: "start", index: 1, core: [])))
        let running = try thread.start()
        var poller = try Poller(batch: 1)
        let before = SystemClock.monotonic()
        while recorded.all.isEmpty || notices.all.isEmpty {
            try #require(SystemClock.monotonic().nanoseconds(since: before) < 30_000_000_000)
            _ = try poller.wait(milliseconds: 10)
        }
        let stopped = SystemClock.monotonic()
        let losses = running.stop()
        // Notes that are none are nothing to send, and nothing lost.
        #expect(losses.events == 1)
        #expect(losses.checkpoints == 2)
        #expect(recorded.all == [.journalLost(checkpoints: 2, events: 0, records: 0)])
        #expect(notices.all == [.unavailable(SystemError("sendto", 2))])
        // Two seconds, and what a busy machine adds.
        #expect(SystemClock.monotonic().nanoseconds(since: stopped) >= 2_000_000_000)
    }

    @Test func `a thread with nothing to send ends at once`() throws {
        let queue = try PublicationQueue()
        let thread = try JournalThread(
            settings: JournalSettings(), origin: "o", queue: queue,
            record: { _ in }, tell: { _ in })
        let losses = try thread.start().stop()
        #expect(losses.isEmpty)
    }

    private final class Said<Element: Sendable>: Sendable {
        private let list = Mutex<[Element]>([])
        var all: [Element] { list.withLock { $0 } }
        func append(_ element: Element) { list.withLock { $0.append(element) } }
    }
}
