/// A mapping whose keys are known.
///
/// Making one refuses every key that is neither known nor of a later version; reading values
/// through it reports what is missing or of the wrong kind. Each reader answers nil after it has
/// reported, so that the caller goes on to the next key.
struct Section {
    let value: SettingValue
    let diagnostics: Diagnostics
    private let entries: [String: SettingValue]

    /// The section in `value`; nil when it is no mapping, which is reported.
    ///
    /// - Parameter later: Keys that a later version of this program will know.
    init?(
        _ value: SettingValue, known: [String], later: [String] = [], diagnostics: Diagnostics
    ) {
        guard case .mapping(let list) = value.content else {
            diagnostics.error(
                value, "\(value.name) must be a mapping, not \(value.kind)")
            return nil
        }
        var entries: [String: SettingValue] = [:]
        for entry in list {
            if known.contains(entry.key) {
                entries[entry.key] = entry.value
            } else if later.contains(entry.key) {
                diagnostics.error(
                    line: entry.line, column: entry.column,
                    "\(entry.value.path) is not supported in this version")
            } else {
                let place = value.path.isEmpty ? "" : " in \(value.path)"
                let meant = Suggestion.text(for: entry.key, among: known)
                diagnostics.error(
                    line: entry.line, column: entry.column,
                    "unknown key '\(entry.key.shortened)'\(place)\(meant)")
            }
        }
        self.value = value
        self.diagnostics = diagnostics
        self.entries = entries
    }

    /// The value of `key`, or nil when it is not there.
    func optional(_ key: String) -> SettingValue? { entries[key] }

    /// The value of `key`; its absence is reported.
    func required(_ key: String) -> SettingValue? {
        if let value = entries[key] { return value }
        let name = value.path.isEmpty ? key : "\(value.path).\(key)"
        diagnostics.error(value, "\(name) is required")
        return nil
    }

    /// The text of `key`, or nil when it is not there.
    func text(_ key: String, limitBytes: Int = 1024) -> String? {
        optional(key).flatMap { diagnostics.text($0, limitBytes: limitBytes) }
    }

    /// The whole number of `key`, or `otherwise`.
    func number(_ key: String, in range: ClosedRange<Int>, otherwise: Int) -> Int {
        optional(key).flatMap { diagnostics.number($0, in: range) } ?? otherwise
    }

    /// The milliseconds of `key`, or `otherwise`.
    func milliseconds(
        _ key: String, in range: ClosedRange<UInt64>, otherwise: UInt32
    ) -> UInt32 {
        optional(key).flatMap { diagnostics.milliseconds($0, in: range) }
            .map { UInt32(clamping: $0) } ?? otherwise
    }

    /// The `true` or `false` of `key`; false when it is not there.
    func flag(_ key: String) -> Bool {
        optional(key).flatMap { diagnostics.flag($0) } ?? false
    }

    /// The bytes of `key`, or `otherwise`.
    func bytes(_ key: String, in range: ClosedRange<UInt64>, otherwise: UInt64) -> UInt64 {
        optional(key).flatMap { diagnostics.bytes($0, in: range) } ?? otherwise
    }
}

extension SettingValue {
    /// The path for messages; the file itself has none.
    var name: String { path.isEmpty ? "the file" : path }
}

extension Diagnostics {
    /// The text of `value`; numbers and words are text, too.
    func text(_ value: SettingValue, limitBytes: Int = 1024) -> String? {
        guard case .scalar(let text, _) = value.content else {
            error(value, "\(value.name) must be text, not \(value.kind)")
            return nil
        }
        guard !text.isEmpty else {
            error(value, "\(value.name) is empty")
            return nil
        }
        guard text.utf8.count <= limitBytes else {
            error(value, "\(value.name) is \(text.utf8.count) bytes, limit \(limitBytes)")
            return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            error(value, "\(value.name) holds a control character")
            return nil
        }
        return text
    }

    /// The whole number of `value`, within `range`.
    func number(_ value: SettingValue, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, isQuoted: false) = value.content, Units.isNumber(text) else {
            error(value, "\(value.name) must be a whole number, not \(value.kind)")
            return nil
        }
        guard let number = Int(text), range.contains(number) else {
            error(
                value,
                "\(value.name) is \(text.shortened), limits \(range.lowerBound) to \(range.upperBound)"
            )
            return nil
        }
        return number
    }

    /// `true` or `false`.
    func flag(_ value: SettingValue) -> Bool? {
        switch value.content {
        case .scalar("true", isQuoted: false): return true
        case .scalar("false", isQuoted: false): return false
        default:
            error(value, "\(value.name) must be true or false, not \(value.kind)")
            return nil
        }
    }

    /// Milliseconds of a duration such as `10s`, within `range`.
    func milliseconds(_ value: SettingValue, in range: ClosedRange<UInt64>) -> UInt64? {
        let text = scalar(value)
        return number(
            value, text.map(Units.duration), in: range, kind: "a duration such as 10s",
            units: Units.durations.map(\.unit), print: Units.durationText)
    }

    /// Bytes of a size such as `64MiB`, within `range`.
    func bytes(_ value: SettingValue, in range: ClosedRange<UInt64>) -> UInt64? {
        let text = scalar(value)
        return number(
            value, text.map(Units.size), in: range, kind: "a size such as 64MiB",
            units: Units.sizes.map(\.unit), print: Units.sizeText)
    }

    /// The plain text of `value`, or nil.
    func scalar(_ value: SettingValue) -> String? {
        if case .scalar(let text, _) = value.content { return text }
        return nil
    }

    private func number(
        _ value: SettingValue, _ reading: Units.Reading<UInt64>?, in range: ClosedRange<UInt64>,
        kind: String, units: [String], print: (UInt64) -> String
    ) -> UInt64? {
        switch reading {
        case .value(let number):
            if range.contains(number) { return number }
            let limits = "\(print(range.lowerBound)) to \(print(range.upperBound))"
            error(value, "\(value.name) is \(scalar(value) ?? ""), limits \(limits)")
        case .unitMissing:
            let list = units.joined(separator: ", ")
            error(value, "\(value.name) is \(value.kind) without a unit, one of \(list)")
        case .tooLarge:
            error(value, "\(value.name) is \(value.kind), limit \(print(range.upperBound))")
        case .malformed, nil:
            error(value, "\(value.name) must be \(kind), not \(value.kind)")
        }
        return nil
    }

    /// The one of `choices` that `value` names.
    func choice<Choice>(
        _ value: SettingValue, _ choices: [(name: String, value: Choice)], later: [String] = []
    ) -> Choice? {
        guard let text = scalar(value) else {
            let list = choices.map(\.name).joined(separator: ", ")
            error(value, "\(value.name) must be one of \(list), not \(value.kind)")
            return nil
        }
        if let found = choices.first(where: { $0.name == text }) { return found.value }
        if later.contains(text) {
            error(value, "\(value.name): \(text) is not supported in this version")
            return nil
        }
        let names = choices.map(\.name)
        let meant = Suggestion.text(for: text, among: names)
        error(
            value,
            "\(value.name) is \(value.kind), not one of \(names.joined(separator: ", "))\(meant)")
        return nil
    }

    /// The values of a list; one value alone is a list of one.
    func list(_ value: SettingValue, limit: Int) -> [SettingValue] {
        guard case .sequence(let items) = value.content else {
            if case .null = value.content {
                error(value, "\(value.name) is empty")
                return []
            }
            return [value]
        }
        guard !items.isEmpty else {
            error(value, "\(value.name) is an empty list")
            return []
        }
        guard items.count <= limit else {
            error(value, "\(value.name) has \(items.count) entries, limit \(limit)")
            return []
        }
        return items
    }

    /// The entries of a mapping from names to values; each name is checked.
    func named(_ value: SettingValue, limit: Int) -> [SettingEntry] {
        guard case .mapping(let entries) = value.content else {
            error(value, "\(value.name) must be a mapping from names, not \(value.kind)")
            return []
        }
        guard entries.count <= limit else {
            error(value, "\(value.name) has \(entries.count) entries, limit \(limit)")
            return []
        }
        return entries.filter { entry in
            if Diagnostics.isName(entry.key) { return true }
            error(
                line: entry.line, column: entry.column,
                "name '\(entry.key.shortened)' in \(value.name): \(Diagnostics.nameRule)")
            return false
        }
    }

    /// Whether `text` can name a listener, issuer, limit, upstream, route or role.
    static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }

    /// What a name is, for people.
    static let nameRule = "a name has 1 to 64 letters, digits, '_', '-' and '.'"

    /// The number of the thing that `value` names, out of `names`.
    func reference(_ value: SettingValue, to what: String, among names: [String]) -> Int? {
        guard let name = text(value) else { return nil }
        if let index = names.firstIndex(of: name) { return index }
        let meant = Suggestion.text(for: name, among: names)
        error(value, "\(value.name) names the unknown \(what) '\(name.shortened)'\(meant)")
        return nil
    }
}
