/// One value of a settings file: what it is, where it stands, and how it is reached.
struct SettingValue {
    /// What a value is made of.
    enum Content {
        case null
        /// `isQuoted` tells `"5"` from `5`.
        case scalar(String, isQuoted: Bool)
        case sequence([SettingValue])
        case mapping([SettingEntry])
    }

    /// Keys and positions on the way here: `routes[2].match.path`.
    var path: String
    /// Line and column of its first character, counted from 1.
    var line: Int
    var column: Int
    var content: Content

    /// Whether it is a mapping with `key`.
    func hasKey(_ key: String) -> Bool {
        guard case .mapping(let entries) = content else { return false }
        return entries.contains { $0.key == key }
    }

    /// The value of `key`; nil when it is no mapping or has no such key.
    func entry(_ key: String) -> SettingValue? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// What kind of value it is, for people.
    var kind: String {
        switch content {
        case .null: "empty"
        case .scalar(let text, _): "'\(text.shortened)'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// One key of a mapping and its value.
struct SettingEntry {
    var key: String
    /// Where the key stands.
    var line: Int
    var column: Int
    var value: SettingValue
}

extension String {
    /// The text for a message: cut after 80 characters, control characters escaped.
    var shortened: String {
        var out = ""
        for scalar in unicodeScalars.prefix(80) {
            if scalar.value < 0x20 || scalar.value == 0x7F {
                out += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > 80 ? out + "…" : out
    }
}
