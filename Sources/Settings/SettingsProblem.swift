/// One thing that is wrong with a settings file, or probably not meant.
public struct SettingsProblem: Sendable, Equatable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: String, Sendable {
        /// The file is refused.
        case error
        /// The file is accepted.
        case warning
    }

    /// The file's name, as it was given.
    public var file: String
    /// Line, counted from 1.
    public var line: Int
    /// Column, counted from 1.
    public var column: Int
    /// How bad it is.
    public var severity: Severity
    /// What happened, the value, the limit and the place.
    public var message: String

    /// A problem of these values.
    public init(file: String, line: Int, column: Int, severity: Severity, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.severity = severity
        self.message = message
    }

    /// `file:line:column: error: message`.
    public var description: String {
        "\(file):\(line):\(column): \(severity.rawValue): \(message)"
    }
}

/// Why a settings file is refused: every error of it, sorted by line, and its warnings.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one, sorted by line.
    public var errors: [SettingsProblem]
    /// Sorted by line.
    public var warnings: [SettingsProblem]

    /// An error of these problems.
    public init(errors: [SettingsProblem], warnings: [SettingsProblem]) {
        self.errors = errors
        self.warnings = warnings
    }

    /// One line per error.
    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
