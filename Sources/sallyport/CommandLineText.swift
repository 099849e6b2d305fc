import ArgumentParser
import LinuxIO
import Settings

/// How commands end: as the architecture says, 0 holds, 1 does not, 2 could not tell.
extension ExitCode {
    /// What was asked does not hold.
    static let doesNotHold = ExitCode(1)
    /// There is no answer.
    static let couldNotTell = ExitCode(2)
}

/// A value of the few kinds that `--json` writes, members in the order given.
enum JSONValue {
    case null
    case text(String)
    case number(Int64)
    case bool(Bool)
    case list([JSONValue])
    case object([(String, JSONValue)])

    static func texts(_ texts: [String]) -> JSONValue { .list(texts.map { .text($0) }) }

    static func optional(_ text: String?) -> JSONValue { text.map { .text($0) } ?? .null }

    /// The value on one line (RFC 8259).
    var line: String {
        switch self {
        case .null: "null"
        case .text(let text): JSONValue.quoted(text)
        case .number(let number): "\(number)"
        case .bool(let bool): bool ? "true" : "false"
        case .list(let items): "[\(items.map(\.line).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { JSONValue.quoted($0) + ":" + $1.line }.joined(separator: ","))}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

extension SettingsProblem {
    /// The problem as an object.
    var json: JSONValue {
        .object([
            ("file", .text(file)), ("line", .number(Int64(line))),
            ("column", .number(Int64(column))), ("severity", .text(severity.rawValue)),
            ("message", .text(message)),
        ])
    }
}

/// The settings in the file at `path`; its errors go to standard error.
func loadSettings(_ path: String) throws -> Settings {
    do throws(SettingsError) {
        return try Settings.load(path: path)
    } catch {
        StandardStream.error.writeLine(error.description)
        throw ExitCode.couldNotTell
    }
}
