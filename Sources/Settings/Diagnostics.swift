/// Collects what is wrong with a file, so that one run reports all of it.
final class Diagnostics {
    /// The file's name, as it was given.
    let file: String
    private(set) var errors: [SettingsProblem] = []
    private(set) var warnings: [SettingsProblem] = []

    /// Most problems that are kept; a file with more is wrong as a whole.
    static let limit = 500

    init(file: String) {
        self.file = file
    }

    func error(line: Int, column: Int, _ message: String) {
        guard errors.count < Diagnostics.limit else { return }
        errors.append(
            SettingsProblem(
                file: file, line: line, column: column, severity: .error, message: message))
    }

    func error(_ value: SettingValue, _ message: String) {
        error(line: value.line, column: value.column, message)
    }

    func warning(_ value: SettingValue, _ message: String) {
        guard warnings.count < Diagnostics.limit else { return }
        warnings.append(
            SettingsProblem(
                file: file, line: value.line, column: value.column, severity: .warning,
                message: message))
    }

    /// The failure of the whole file, or nil when there was no error.
    func failure() -> SettingsError? {
        guard !errors.isEmpty else { return nil }
        return SettingsError(
            errors: Diagnostics.sorted(errors), warnings: Diagnostics.sorted(warnings))
    }

    /// By line and column; problems of one place in the order they were found.
    static func sorted(_ problems: [SettingsProblem]) -> [SettingsProblem] {
        problems.enumerated().sorted { left, right in
            (left.element.line, left.element.column, left.offset)
                < (right.element.line, right.element.column, right.offset)
        }.map(\.element)
    }
}
