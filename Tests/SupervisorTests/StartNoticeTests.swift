import LinuxIO
import Primitives
import Synchronization
import Systemd
import Testing

@testable import Supervisor

@Suite struct StartNoticeTests {
    @Test func `time is asked for while the process computes, and no longer`() {
        let count = Atomic<Int>(0)
        let last = Mutex("")
        let notifier = Notifier { text in
            count.add(1, ordering: .relaxed)
            last.withLock { $0 = text }
        }
        let sum = StartNotice.during(notifier, stepMilliseconds: 20) {
            let end = SystemClock.monotonic().advanced(nanoseconds: 10_000_000_000)
            var sum: UInt64 = 0
            while count.load(ordering: .relaxed) < 3, SystemClock.monotonic() < end {
                for index in 0..<10_000 { sum = sum &+ UInt64(index) | 1 }
            }
            return sum
        }
        #expect(sum > 0)
        #expect(count.load(ordering: .relaxed) >= 3)
        #expect(
            last.withLock { $0 }
                == "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading the audit log, for 0 s")
    }
}
