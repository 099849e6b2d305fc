import Primitives
import Testing

@Suite struct TimerWheelTests {
    static let second: UInt64 = 1_000_000_000

    @Test func `a timer fires at its deadline and never before`() {
        var wheel = TimerWheel(capacity: 4, now: .zero)
        wheel.schedule(2, at: Instant(nanoseconds: 55_000_000))
        let value1 = wheel.popExpired(now: Instant(nanoseconds: 54_999_999))
        #expect(value1 == nil)
        let value2 = wheel.popExpired(now: Instant(nanoseconds: 60_000_000))
        #expect(value2 == 2)
        let value3 = wheel.popExpired(now: Instant(nanoseconds: 70_000_000))
        #expect(value3 == nil)
        let value4 = wheel.nextLook()
        #expect(value4 == nil)
    }

    @Test func `a deadline moved later fires later, moved earlier fires earlier`() {
        var wheel = TimerWheel(capacity: 4, now: .zero)
        let second = TimerWheelTests.second
        wheel.schedule(0, at: Instant(nanoseconds: second))
        wheel.schedule(0, at: Instant(nanoseconds: 3 * second))
        let value5 = wheel.popExpired(now: Instant(nanoseconds: 2 * second))
        #expect(value5 == nil)
        let value6 = wheel.popExpired(now: Instant(nanoseconds: 3 * second))
        #expect(value6 == 0)
        wheel.schedule(1, at: Instant(nanoseconds: 60 * second))
        wheel.schedule(1, at: Instant(nanoseconds: 4 * second))
        let value7 = wheel.popExpired(now: Instant(nanoseconds: 4 * second))
        #expect(value7 == 1)
    }

    @Test func `a cancelled timer stays silent`() {
        var wheel = TimerWheel(capacity: 4, now: .zero)
        wheel.schedule(0, at: Instant(nanoseconds: 10))
        wheel.cancel(0)
        let value8 = wheel.popExpired(now: Instant(nanoseconds: TimerWheelTests.second))
        #expect(value8 == nil)
    }

    @Test func `a deadline past one turn of the wheel is kept`() {
        var wheel = TimerWheel(capacity: 1, now: .zero)
        let deadline = 1000 * TimerWheelTests.second
        wheel.schedule(0, at: Instant(nanoseconds: deadline))
        var now: UInt64 = 0
        while now < deadline {
            let value9 = wheel.popExpired(now: Instant(nanoseconds: now))
            #expect(value9 == nil)
            guard let look = wheel.nextLook() else {
                Issue.record("the timer was lost at \(now)")
                return
            }
            #expect(look.nanoseconds > now)
            now = min(max(look.nanoseconds, now + 1), deadline)
        }
        let value10 = wheel.popExpired(now: Instant(nanoseconds: deadline))
        #expect(value10 == 0)
    }

    @Test(arguments: [1, 7, 99] as [UInt64])
    func `random schedules fire each timer once, in its tick`(seed: UInt64) {
        var state = seed
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var wheel = TimerWheel(capacity: 50, now: .zero)
        var deadlines = [UInt64?](repeating: nil, count: 50)
        var now: UInt64 = 0
        for _ in 0..<5000 {
            let timer = Int(random(50))
            if random(10) == 0 {
                wheel.cancel(timer)
                deadlines[timer] = nil
            } else {
                let deadline = now + random(200) * 1_000_000_000 + 1
                wheel.schedule(timer, at: Instant(nanoseconds: deadline))
                deadlines[timer] = deadline
            }
            now += random(300_000_000)
            while let fired = wheel.popExpired(now: Instant(nanoseconds: now)) {
                let deadline = deadlines[fired]
                #expect(deadline != nil && deadline ?? .max <= now, "seed \(seed)")
                deadlines[fired] = nil
            }
            for case let deadline? in deadlines {
                #expect(deadline + 20_000_000 > now, "late, seed \(seed)")
            }
        }
    }
}
