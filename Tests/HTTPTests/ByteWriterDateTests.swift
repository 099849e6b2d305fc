import HTTP
import Primitives
import Testing

@Suite struct ByteWriterDateTests {
    static func date(_ seconds: Int64) -> String? {
        written { $0.appendHTTPDate(WallTime(microseconds: seconds * 1_000_000)) }
    }

    /// As `date -u -R -d @N` prints them, with the zone's name for its offset.
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)])
    func `RFC 9110 §5.6.7: a time is written`(seconds: Int64, text: String) {
        #expect(Self.date(seconds) == text)
    }

    @Test func `days follow each other for 800 years`() {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        var (year, month, day) = (1970, 0, 1)
        for number in 0..<292_194 {
            let padded = day < 10 ? "0\(day)" : "\(day)"
            let expected = "\(days[number % 7]), \(padded) \(months[month]) \(year) 00:00:00 GMT"
            let found = Self.date(Int64(number) * 86_400)
            if found != expected { #expect(found == expected) }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
            day += 1
            if day > length { (day, month) = (1, month + 1) }
            if month > 11 { (month, year) = (0, year + 1) }
        }
    }
}
