import Primitives
import Testing

@testable import Supervisor

@Suite struct WatchdogStateTests {
    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: UInt64((100 + seconds) * 1e9))
    }

    private func state() -> WatchdogState { WatchdogState(interval: 8_000_000_000, now: at(0)) }

    @Test func `threads are asked each quarter, and all answers feed`() {
        var watchdog = state()
        #expect(watchdog.tick(turns: [1, 1], now: at(1.9)) == .nothing)
        #expect(watchdog.tick(turns: [1, 1], now: at(2)) == .ask)
        #expect(watchdog.tick(turns: [2, 1], now: at(2.1)) == .nothing)
        #expect(watchdog.tick(turns: [2, 2], now: at(2.2)) == .feed)
        #expect(watchdog.tick(turns: [2, 2], now: at(4.1)) == .nothing)
        #expect(watchdog.tick(turns: [2, 2], now: at(4.2)) == .ask)
    }

    @Test func `a thread that hangs is named once, and feeds nothing until it moves`() {
        var watchdog = state()
        #expect(watchdog.tick(turns: [1, 7, 1], now: at(2)) == .ask)
        #expect(watchdog.tick(turns: [2, 7, 2], now: at(5.9)) == .nothing)
        #expect(watchdog.tick(turns: [2, 7, 2], now: at(6)) == .late([1]))
        #expect(watchdog.tick(turns: [3, 7, 3], now: at(60)) == .nothing)
        #expect(watchdog.late == [1])
        #expect(watchdog.tick(turns: [3, 8, 3], now: at(61)) == .feed)
        #expect(watchdog.late.isEmpty)
    }

    @Test func `people are told even when systemd does not ask`() {
        var watchdog = WatchdogState(interval: nil, now: at(0))
        #expect(watchdog.tick(turns: [1], now: at(5)) == .ask)
        #expect(watchdog.tick(turns: [1], now: at(15)) == .late([0]))
    }
}
