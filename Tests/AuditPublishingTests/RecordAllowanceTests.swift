import Primitives
import Testing

@testable import AuditPublishing

@Suite struct RecordAllowanceTests {
    /// How many of `count` tries at `now` are let through.
    private func spend(_ allowance: inout RecordAllowance, _ count: Int, at now: Instant) -> Int {
        var sent = 0
        for _ in 0..<count where allowance.isOpen(now: now) {
            allowance.spend(now: now)
            sent += 1
        }
        return sent
    }

    @Test func `half a minute's may go at once, then as many as time brings`() {
        var allowance = RecordAllowance(perSecond: 10)
        let start = Instant(nanoseconds: 5_000_000_000)
        #expect(spend(&allowance, 1000, at: start) == 300)
        #expect(spend(&allowance, 1000, at: start.advanced(nanoseconds: 2_000_000_000)) == 20)
        // Never more than that, however long it was quiet.
        #expect(spend(&allowance, 1000, at: start.advanced(nanoseconds: 900_000_000_000)) == 300)
    }

    @Test func `no half minute has more than two of them`() {
        var allowance = RecordAllowance(perSecond: 150)
        let start = Instant(nanoseconds: 1)
        var sent = 0
        for tick in 0..<300 {
            let now = start.advanced(nanoseconds: UInt64(tick) * 100_000_000)
            sent += spend(&allowance, 1000, at: now)
        }
        #expect((8900...9000).contains(sent))
    }

    @Test func `without a rate there is no limit`() {
        var allowance = RecordAllowance(perSecond: 0)
        #expect(spend(&allowance, 100_000, at: .zero) == 100_000)
    }
}
