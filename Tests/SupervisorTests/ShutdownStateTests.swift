import Primitives
import Supervisor
import Testing

@Suite struct ShutdownStateTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func later(_ milliseconds: UInt64) -> Instant {
        start.advanced(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `nothing happens while all workers serve`() {
        var state = ShutdownState(drainMilliseconds: 100)
        #expect(state.tick(finished: 0, workers: 2, now: start) == .nothing)
        #expect(!state.isEnding)
    }

    @Test func `a worker that ends by itself fails the process`() {
        var state = ShutdownState(drainMilliseconds: 100)
        #expect(state.tick(finished: 1, workers: 2, now: start) == .fail)
    }

    @Test func `a first signal drains and the last worker finishes`() {
        var state = ShutdownState(drainMilliseconds: 100)
        #expect(state.stopAsked(now: start) == .drain)
        #expect(state.isEnding)
        #expect(state.tick(finished: 1, workers: 2, now: later(50)) == .nothing)
        #expect(state.tick(finished: 2, workers: 2, now: later(60)) == .finish)
    }

    @Test func `a drain past its deadline stops once`() {
        var state = ShutdownState(drainMilliseconds: 100)
        #expect(state.stopAsked(now: start) == .drain)
        #expect(state.tick(finished: 0, workers: 2, now: later(99)) == .nothing)
        #expect(state.tick(finished: 0, workers: 2, now: later(100)) == .stop)
        #expect(state.tick(finished: 1, workers: 2, now: later(500)) == .nothing)
        #expect(state.tick(finished: 2, workers: 2, now: later(501)) == .finish)
    }

    @Test func `a second signal stops at once and a third changes nothing`() {
        var state = ShutdownState(drainMilliseconds: 100)
        #expect(state.stopAsked(now: start) == .drain)
        #expect(state.stopAsked(now: later(1)) == .stop)
        #expect(state.stopAsked(now: later(2)) == .nothing)
        #expect(state.tick(finished: 2, workers: 2, now: later(3)) == .finish)
    }

    @Test func `no time to drain means a stop at the next look`() {
        var state = ShutdownState(drainMilliseconds: 0)
        #expect(state.stopAsked(now: start) == .drain)
        #expect(state.tick(finished: 0, workers: 1, now: start) == .stop)
    }
}
