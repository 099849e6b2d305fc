import Primitives

/// Times as people write them: RFC 3339 in UTC, or so long ago.
enum Timestamp {
    private static let day: Int64 = 86_400

    /// `2026-11-24T20:00:00.123456Z`.
    static func text(_ time: WallTime) -> String {
        let seconds = time.seconds
        let date = CivilDate(time)
        let rest = seconds - date.daysSinceEpoch * day
        let micro = time.microseconds - seconds * 1_000_000
        return "\(digits(date.year, 4))-\(digits(date.month, 2))-\(digits(date.day, 2))T"
            + "\(digits(rest / 3600, 2)):\(digits(rest / 60 % 60, 2)):\(digits(rest % 60, 2))."
            + "\(digits(micro, 6))Z"
    }

    /// The moment that `text` names; `now` is what "ago" counts from.
    static func parse(_ text: String, now: WallTime) throws(ToolError) -> WallTime {
        if let time = ago(text, now: now) ?? calendar(text) { return time }
        throw .timeMalformed(text)
    }

    private static func ago(_ text: String, now: WallTime) -> WallTime? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": day]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()),
            count >= 0, count < 1_000_000
        else { return nil }
        return WallTime(microseconds: now.microseconds - count * unit * 1_000_000)
    }

    private static func calendar(_ text: String) -> WallTime? {
        let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard date.count == 3, date[0].count == 4, let year = number(date[0]),
            let month = number(date[1]), let dayOfMonth = number(date[2]),
            (1...12).contains(month), (1...31).contains(dayOfMonth)
        else { return nil }
        let start = CivilDate(year: year, month: month, day: dayOfMonth).daysSinceEpoch
        var micro = start * day * 1_000_000
        guard halves.count == 2 else { return WallTime(microseconds: micro) }
        guard halves[1].last == "Z" else { return nil }
        let clock = halves[1].dropLast().split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 2 || clock.count == 3, let hour = number(clock[0]), hour < 24,
            let minute = number(clock[1]), minute < 60
        else { return nil }
        micro += (hour * 3600 + minute * 60) * 1_000_000
        guard clock.count == 3 else { return WallTime(microseconds: micro) }
        let second = clock[2].split(separator: ".", omittingEmptySubsequences: false)
        guard second.count <= 2, let whole = number(second[0]), whole < 61 else { return nil }
        micro += whole * 1_000_000
        if second.count == 2 {
            guard second[1].count <= 6, let part = number(second[1]) else { return nil }
            micro += (second[1].count..<6).reduce(part) { value, _ in value * 10 }
        }
        return WallTime(microseconds: micro)
    }

    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy(\.isASCIIDigit) && text.count <= 6 ? Int64(text) : nil
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
