import Primitives
import Testing

@Suite struct CivilDateTests {
    @Test(
        arguments: [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (10_957, 2000, 1, 1), (11_016, 2000, 2, 29),
            (47_540, 2100, 2, 28), (47_541, 2100, 3, 1), (-719_468, 0, 3, 1),
            (2_932_896, 9999, 12, 31),
        ] as [(Int64, Int64, Int64, Int64)])
    func `a day has its date`(days: Int64, year: Int64, month: Int64, day: Int64) {
        let date = CivilDate(year: year, month: month, day: day)
        #expect(CivilDate(daysSinceEpoch: days) == date)
        #expect(date.daysSinceEpoch == days)
    }

    @Test func `every day comes after the one before it`() {
        var previous = CivilDate(daysSinceEpoch: -150_001)
        for days in -150_000...150_000 as ClosedRange<Int64> {
            let date = CivilDate(daysSinceEpoch: days)
            let isNext = date.day == previous.day + 1 && date.month == previous.month
            let isFirst = date.day == 1 && date.month == previous.month % 12 + 1
            guard isNext || isFirst, date.daysSinceEpoch == days else {
                Issue.record("\(date) after \(previous)")
                return
            }
            previous = date
        }
    }

    @Test(
        arguments: [(-1, 31), (0, 1), (86_399_999_999, 1), (86_400_000_000, 2)] as [(Int64, Int64)])
    func `a moment lies in its day`(microseconds: Int64, day: Int64) {
        #expect(CivilDate(WallTime(microseconds: microseconds)).day == day)
    }
}
