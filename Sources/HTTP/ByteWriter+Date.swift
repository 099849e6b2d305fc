import Primitives

extension ByteWriter {
    /// Appends `time` as IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// Times outside years 1970 to 9999 are clamped to them.
    public mutating func appendHTTPDate(_ time: WallTime) {
        // The last second of 9999.
        let seconds = min(max(time.seconds, 0), 253_402_300_799)
        let days = seconds / 86_400
        let rest = seconds % 86_400
        let date = CivilDate(daysSinceEpoch: days)
        // 1970-01-01 was a Thursday.
        append(ByteWriter.dayName(Int((days + 4) % 7)))
        appendTwoDigits(date.day)
        append(ByteWriter.monthName(date.month))
        appendTwoDigits(date.year / 100)
        appendTwoDigits(date.year % 100)
        append(.space)
        appendTwoDigits(rest / 3600)
        append(.colon)
        appendTwoDigits(rest / 60 % 60)
        append(.colon)
        appendTwoDigits(rest % 60)
        append(" GMT")
    }

    private mutating func appendTwoDigits(_ value: Int64) {
        append(0x30 &+ UInt8(truncatingIfNeeded: value / 10))
        append(0x30 &+ UInt8(truncatingIfNeeded: value % 10))
    }

    private static func dayName(_ day: Int) -> StaticString {
        switch day {
        case 0: "Sun, "
        case 1: "Mon, "
        case 2: "Tue, "
        case 3: "Wed, "
        case 4: "Thu, "
        case 5: "Fri, "
        default: "Sat, "
        }
    }

    private static func monthName(_ month: Int64) -> StaticString {
        switch month {
        case 1: " Jan "
        case 2: " Feb "
        case 3: " Mar "
        case 4: " Apr "
        case 5: " May "
        case 6: " Jun "
        case 7: " Jul "
        case 8: " Aug "
        case 9: " Sep "
        case 10: " Oct "
        case 11: " Nov "
        default: " Dec "
        }
    }
}
