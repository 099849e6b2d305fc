import Primitives
import Testing

@testable import Supervisor

@Suite struct ReloadStateTests {
    private static let second: UInt64 = 1_000_000_000

    private func at(milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `files are read when they have been left alone`() {
        var state = ReloadState(rotationSeconds: nil, now: at(milliseconds: 0))
        #expect(state.next(now: at(milliseconds: 0)) == .wait(milliseconds: 60_000))
        state.changed(now: at(milliseconds: 1000))
        #expect(state.next(now: at(milliseconds: 1000)) == .wait(milliseconds: 100))
        state.changed(now: at(milliseconds: 1090))
        #expect(state.next(now: at(milliseconds: 1100)) == .wait(milliseconds: 90))
        #expect(state.next(now: at(milliseconds: 1190)) == .load)
        #expect(state.next(now: at(milliseconds: 1190)) == .wait(milliseconds: 58_810))
    }

    @Test func `files that are never left alone are read once a second`() {
        var state = ReloadState(rotationSeconds: nil, now: at(milliseconds: 0))
        var loads: [UInt64] = []
        for step in 0..<60 {
            let milliseconds = UInt64(step) * 50
            state.changed(now: at(milliseconds: milliseconds))
            if state.next(now: at(milliseconds: milliseconds)) == .load {
                loads.append(milliseconds)
            }
        }
        #expect(loads == [1000, 2050])
    }

    @Test func `tickets get new keys, files are looked at, and ends are told of`() {
        var state = ReloadState(rotationSeconds: 30, now: at(milliseconds: 0))
        #expect(state.next(now: at(milliseconds: 0)) == .wait(milliseconds: 30_000))
        #expect(state.next(now: at(milliseconds: 30_000)) == .rotate)
        #expect(state.next(now: at(milliseconds: 30_000)) == .wait(milliseconds: 30_000))
        #expect(state.next(now: at(milliseconds: 60_000)) == .rotate)
        #expect(state.next(now: at(milliseconds: 60_000)) == .look)
        #expect(state.next(now: at(milliseconds: 60_001)) == .wait(milliseconds: 29_999))
        let day = Instant(nanoseconds: 86_400 * ReloadStateTests.second)
        #expect(state.next(now: day) == .rotate)
        #expect(state.next(now: day) == .remind)
        #expect(state.next(now: day) == .look)
        #expect(state.next(now: day) == .wait(milliseconds: 30_000))
    }
}
