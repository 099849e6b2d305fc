import AuditRecords
import Primitives
import Testing

@testable import Worker

@Suite struct RequestMeterTests {
    private func facts(
        reason: Reason = .none, status: UInt16 = 200, total: UInt32 = 1000
    ) -> RecordFacts {
        var facts = RecordFacts()
        facts.outcome = .allow
        facts.reason = reason
        facts.status = status
        facts.totalMicroseconds = total
        return facts
    }

    private func totals(_ meter: RequestMeter) -> MeterTotals {
        var totals = MeterTotals()
        meter.add(to: &totals)
        return totals
    }

    @Test func `requests are told apart by route, outcome, reason and status class`() {
        let meter = RequestMeter()
        for _ in 0..<3 { meter.count(facts(), route: 7) }
        meter.count(facts(status: 404), route: nil)
        meter.count(facts(status: 204), route: 7)
        let all = totals(meter).ends
        #expect(
            all[RequestEnd(route: 7, outcome: .allow, reason: .none, statusClass: 2)] == 4)
        #expect(
            all[RequestEnd(route: nil, outcome: .allow, reason: .none, statusClass: 4)] == 1)
        #expect(all.count == 2)
    }

    @Test func `what is taken back was not counted`() {
        let meter = RequestMeter()
        meter.count(facts(), route: 1)
        meter.count(facts(), route: 1, isTakenBack: true)
        let all = totals(meter)
        #expect(all.ends.values.allSatisfy { $0 == 0 })
        #expect(all.durations.allSatisfy { $0.counts.allSatisfy { $0 == 0 } })
        #expect(all.durations.allSatisfy { $0.sumMicroseconds == 0 })
    }

    @Test func `more ways to end than there is room for are counted together`() {
        let meter = RequestMeter()
        for route in 0..<RequestMeter.slots * 2 { meter.count(facts(), route: route) }
        let all = totals(meter).ends
        #expect(all.values.reduce(0, +) == UInt64(RequestMeter.slots * 2))
        #expect(all[.other, default: 0] > 0)
    }

    @Test func `the time with an upstream is told apart from what was added`() {
        let meter = RequestMeter()
        var one = facts(total: 9000)
        one.upstream = 0
        one.decisionMicroseconds = 100
        one.firstByteMicroseconds = 8100
        meter.count(one, route: 0)
        meter.count(facts(total: 50), route: 0)
        let durations = totals(meter).durations
        let sums = durations.map(\.sumMicroseconds)
        #expect(sums == [9050, 8000, 150])
        #expect(durations[Int(DurationKind.upstream.rawValue)].counts.reduce(0, +) == 1)
        #expect(durations[Int(DurationKind.added.rawValue)].counts.reduce(0, +) == 2)
    }

    @Test(arguments: [(0, 0), (63, 0), (64, 1), (127, 1), (128, 2), (1 << 40, 19)])
    func `each duration has its bucket`(microseconds: UInt64, bucket: Int) throws {
        #expect(DurationHistogram.bucket(microseconds) == bucket)
        if let bound = DurationHistogram.boundSeconds(bucket) {
            #expect(Double(microseconds) / 1_000_000 < bound)
        }
    }

    @Test func `a way to end survives its key`() {
        for reason in Reason.allCases {
            let end = RequestEnd(route: 70_000, outcome: .deny, reason: reason, statusClass: 5)
            #expect(RequestEnd(key: end.key) == end && end.key != 0)
        }
    }
}
