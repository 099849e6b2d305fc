/// Numbers with units, as settings are written: `10s`, `64MiB`, `100/s`.
enum Units {
    /// A text without its unit, or why it has none.
    enum Reading<Value: Equatable>: Equatable {
        case value(Value)
        /// Digits without a unit.
        case unitMissing
        /// Not digits and a known unit.
        case malformed
        /// More than 64 bits hold.
        case tooLarge
    }

    /// Units of time, in milliseconds.
    static let durations: [(unit: String, milliseconds: UInt64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Units of size, in bytes.
    static let sizes: [(unit: String, bytes: UInt64)] = [
        ("B", 1), ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]

    /// Milliseconds in a duration such as `1m`.
    static func duration(_ text: String) -> Reading<UInt64> {
        number(text, units: durations.map { ($0.unit, $0.milliseconds) })
    }

    /// Bytes in a size such as `64MiB`.
    static func size(_ text: String) -> Reading<UInt64> {
        number(text, units: sizes.map { ($0.unit, $0.bytes) })
    }

    /// Count and nanoseconds of a rate such as `100/s`, `1000/m`, `10/h`, `5/d` or `20/10s`.
    static func rate(_ text: String) -> Reading<Rate> {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 1 { return isNumber(text) ? .unitMissing : .malformed }
        guard parts.count == 2, isNumber(String(parts[0])) else { return .malformed }
        guard let count = UInt64(parts[0]) else { return .tooLarge }
        let span = String(parts[1])
        // `/s` is short for `/1s`.
        let isShort = span.utf8.first.map { !isDigit($0) } ?? true
        switch duration(isShort ? "1" + span : span) {
        case .value(let milliseconds):
            let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
            return overflow ? .tooLarge : .value(Rate(count: count, nanoseconds: nanoseconds))
        case .unitMissing, .malformed: return .malformed
        case .tooLarge: return .tooLarge
        }
    }

    /// So many per so long.
    struct Rate: Equatable {
        var count: UInt64
        var nanoseconds: UInt64
    }

    private static func number(
        _ text: String, units: [(unit: String, factor: UInt64)]
    ) -> Reading<UInt64> {
        let digits = text.utf8.prefix { isDigit($0) }
        guard !digits.isEmpty else { return .malformed }
        let unit = text.utf8.dropFirst(digits.count).drop { $0 == UInt8(ascii: " ") }
        let number = String(digits) ?? ""
        if unit.isEmpty { return .unitMissing }
        let name = String(unit) ?? ""
        guard let factor = units.first(where: { $0.unit == name })?.factor else {
            return .malformed
        }
        guard let value = UInt64(number) else { return .tooLarge }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? .tooLarge : .value(product)
    }

    /// Whether `text` is decimal digits only.
    static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    /// Milliseconds for people, in the largest unit that divides them.
    static func durationText(_ milliseconds: UInt64) -> String {
        for (unit, factor) in durations.reversed()
        where milliseconds > 0 && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// Bytes for people, in the largest binary unit that divides them.
    static func sizeText(_ bytes: UInt64) -> String {
        for (unit, factor) in sizes.reversed()
        where unit.hasSuffix("iB") && bytes > 0 && bytes % factor == 0 {
            return "\(bytes / factor)\(unit)"
        }
        return "\(bytes)B"
    }
}
