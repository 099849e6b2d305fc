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

/// A day of the proleptic Gregorian calendar.
struct CivilDate {
    let year: Int64
    /// 1 to 12.
    let month: Int64
    /// 1 to 31.
    let day: Int64

    /// The day that many days after 1970-01-01, or on it.
    ///
    /// Years are counted from March, so that the leap day is the last of its year; 400 years
    /// have 146,097 days.
    init(daysSinceEpoch days: Int64) {
        precondition(days >= 0)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
