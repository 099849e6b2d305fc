import Yams

/// Turns YAML text into a `SettingValue`, within bounds.
///
/// Stricter than YAML: no anchors, aliases, merge keys or tags of one's own, one document, text
/// keys. A file that says the same thing in fewer characters is worth less here than one that
/// means what it says, and aliases are how small files become large.
struct YAMLFile {
    /// Largest accepted file.
    static let limitBytes = 1 << 20
    /// Most values in a file.
    static let limitValues = 50_000
    /// Deepest nesting.
    static let limitDepth = 32
    /// Most duplicate keys that are reported one by one.
    static let limitDuplicates = 100
    /// Most alias marks in a file that is still looked at: few enough that none can explode.
    static let limitAliasMarks = 16

    private let diagnostics: Diagnostics
    private var values = 0
    /// Keys that were already reported as duplicates, under their stand-in names.
    private var standIns: Set<String> = []

    private init(diagnostics: Diagnostics) {
        self.diagnostics = diagnostics
    }

    /// The file's one value; nil when it is no YAML, which is reported.
    static func read(_ bytes: [UInt8], diagnostics: Diagnostics) -> SettingValue? {
        guard bytes.count <= limitBytes else {
            let limit = Units.sizeText(UInt64(limitBytes))
            diagnostics.error(line: 1, column: 1, "the file is larger than \(limit)")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            diagnostics.error(line: 1, column: 1, "the file is not UTF-8")
            return nil
        }
        var file = YAMLFile(diagnostics: diagnostics)
        return file.compose(text)
    }

    private mutating func compose(_ original: String) -> SettingValue? {
        if let place = YAMLFile.aliasFlood(in: original) {
            diagnostics.error(
                line: place.line, column: place.column,
                "anchors and aliases are refused, write the value out where it is used")
            return nil
        }
        var text = original
        for _ in 0...YAMLFile.limitDuplicates {
            do {
                // The parser is kept, because its anchors live as long as it does.
                let parser = try Parser(yaml: text)
                let root = try parser.singleRoot()
                return withExtendedLifetime(parser) {
                    guard let root else {
                        diagnostics.error(line: 1, column: 1, "the file is empty")
                        return nil
                    }
                    return value(root, path: "", depth: 0)
                }
            } catch let error as YamlError {
                guard case .duplicatedKeysInMapping(let keys, let context) = error,
                    let key = keys.first,
                    let changed = rename(key, at: context.mark, in: text)
                else {
                    report(error)
                    return nil
                }
                diagnostics.error(
                    line: context.mark.line, column: context.mark.column,
                    "key '\(key.shortened)' stands twice in one mapping")
                text = changed
            } catch {
                diagnostics.error(line: 1, column: 1, "the file cannot be read as YAML")
                return nil
            }
        }
        diagnostics.error(line: 1, column: 1, "too many duplicate keys")
        return nil
    }

    /// Gives the key at `mark` a name of its own, so that the rest of the file can be looked at.
    private mutating func rename(_ key: String, at mark: Mark, in text: String) -> String? {
        var scalars = Array(text.unicodeScalars)
        var offset = 0
        var line = 1
        while line < mark.line {
            guard let end = scalars[offset...].firstIndex(of: "\n") else { return nil }
            offset = end + 1
            line += 1
        }
        offset += mark.column - 1
        if offset < scalars.count, scalars[offset] == "\"" || scalars[offset] == "'" { offset += 1 }
        let wanted = Array(key.unicodeScalars)
        guard !wanted.isEmpty, offset + wanted.count <= scalars.count,
            Array(scalars[offset..<(offset + wanted.count)]) == wanted,
            let mark = Unicode.Scalar(0xE000 + UInt32(standIns.count))
        else { return nil }
        // Of the same length, so that all places stay right; of private characters, so that
        // nothing else in the file has the name.
        let name = [Unicode.Scalar](repeating: mark, count: wanted.count)
        scalars.replaceSubrange(offset..<(offset + wanted.count), with: name)
        var standIn = String.UnicodeScalarView()
        standIn.append(contentsOf: name)
        standIns.insert(String(standIn))
        var changed = String.UnicodeScalarView()
        changed.append(contentsOf: scalars)
        return String(changed)
    }

    private mutating func value(_ node: Node, path: String, depth: Int) -> SettingValue? {
        let line = node.mark?.line ?? 1
        let column = node.mark?.column ?? 1
        values += 1
        guard values <= YAMLFile.limitValues, depth <= YAMLFile.limitDepth else {
            if values != .max {
                let limits = "\(YAMLFile.limitValues) values, \(YAMLFile.limitDepth) levels"
                diagnostics.error(
                    line: line, column: column, "the file holds too much, limits \(limits)")
            }
            // Reported once: all else is skipped.
            values = .max - 1
            return nil
        }
        guard node.anchor == nil else {
            diagnostics.error(
                line: line, column: column,
                "anchors and aliases are refused, write the value out where it is used")
            return nil
        }
        let content: SettingValue.Content
        switch node {
        case .scalar(let scalar):
            guard isPlain(tag: scalar.tag.description, line: line, column: column) else {
                return nil
            }
            content = YAMLFile.scalar(scalar)
        case .sequence(let sequence):
            guard isPlain(tag: sequence.tag.description, line: line, column: column) else {
                return nil
            }
            var items: [SettingValue] = []
            for (index, item) in sequence.enumerated() {
                guard let item = value(item, path: "\(path)[\(index)]", depth: depth + 1) else {
                    continue
                }
                items.append(item)
            }
            content = .sequence(items)
        case .mapping(let mapping):
            guard isPlain(tag: mapping.tag.description, line: line, column: column) else {
                return nil
            }
            content = .mapping(entries(mapping, path: path, depth: depth))
        case .alias:
            return nil
        }
        return SettingValue(path: path, line: line, column: column, content: content)
    }

    private mutating func entries(
        _ mapping: Node.Mapping, path: String, depth: Int
    ) -> [SettingEntry] {
        var entries: [SettingEntry] = []
        var seen: Set<String> = []
        for (key, node) in mapping {
            let line = key.mark?.line ?? 1
            let column = key.mark?.column ?? 1
            guard case .scalar(let scalar) = key else {
                diagnostics.error(line: line, column: column, "a key must be text")
                continue
            }
            if standIns.contains(scalar.string) { continue }
            // The composer tells `1` from `"1"`; as keys they are the same here.
            guard seen.insert(scalar.string).inserted else {
                diagnostics.error(
                    line: line, column: column,
                    "key '\(scalar.string.shortened)' stands twice in one mapping")
                continue
            }
            let below =
                path.isEmpty ? scalar.string.shortened : "\(path).\(scalar.string.shortened)"
            guard let value = value(node, path: below, depth: depth + 1) else { continue }
            entries.append(
                SettingEntry(key: scalar.string, line: line, column: column, value: value))
        }
        return entries
    }

    private static func scalar(_ scalar: Node.Scalar) -> SettingValue.Content {
        guard scalar.style == .plain else { return .scalar(scalar.string, isQuoted: true) }
        switch scalar.string {
        case "", "~", "null", "Null", "NULL": return .null
        default: return .scalar(scalar.string, isQuoted: false)
        }
    }

    private func isPlain(tag: String, line: Int, column: Int) -> Bool {
        if tag.isEmpty || tag == "tag:yaml.org,2002:str" { return true }
        diagnostics.error(line: line, column: column, "the tag '\(tag.shortened)' is refused")
        return false
    }

    private func report(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let before = context.map { "\($0.text) in line \($0.mark.line): " } ?? ""
            diagnostics.error(line: mark.line, column: mark.column, "\(before)\(problem)")
        case .reader(let problem, _, _, _):
            diagnostics.error(line: 1, column: 1, "the file is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            diagnostics.error(
                line: context.mark.line, column: context.mark.column,
                "key '\(key.shortened)' stands twice in one mapping")
        default:
            diagnostics.error(line: 1, column: 1, "the file cannot be read as YAML")
        }
    }

    /// Where more than a few alias marks begin, or nil; counted in the text, before it is composed.
    ///
    /// Composing multiplies nothing by itself, but comparing composed keys does. A mark is `*` or
    /// `&` before a letter, digit or `_`, outside comments and quoted text of one line. Only both
    /// kinds together can be an alias.
    private static func aliasFlood(in text: String) -> (line: Int, column: Int)? {
        var first: (line: Int, column: Int)?
        var aliases = 0
        var line = 1
        var column = 0
        var previous: UInt8 = UInt8(ascii: "\n")
        var quote: UInt8?
        var isComment = false
        var pending: (mark: UInt8, line: Int, column: Int)?
        for byte in text.utf8 {
            column += 1
            if let mark = pending, isWord(byte) {
                if mark.mark == UInt8(ascii: "&") {
                    if first == nil { first = (mark.line, mark.column) }
                } else {
                    aliases += 1
                }
            }
            pending = nil
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                column = 0
                quote = nil
                isComment = false
            case _ where isComment:
                break
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if quote == byte {
                    quote = nil
                } else if quote == nil, isBoundary(previous) {
                    quote = byte
                }
            case _ where quote != nil:
                break
            case UInt8(ascii: "#") where isBoundary(previous):
                isComment = true
            case UInt8(ascii: "&"), UInt8(ascii: "*"):
                if isBoundary(previous) { pending = (byte, line, column) }
            default:
                break
            }
            previous = byte
        }
        return aliases > limitAliasMarks ? first : nil
    }

    private static func isBoundary(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "["),
            UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
