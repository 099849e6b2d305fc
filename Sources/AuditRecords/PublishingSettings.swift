/// What of the log is sent to journald.
public struct JournalSettings: Sendable, Equatable {
    /// Whether each signed checkpoint is sent.
    public var sendsCheckpoints = true
    /// Path of the socket that journald takes messages from.
    public var socketPath = JournalSettings.standardSocketPath

    /// Where systemd's own journal listens; a journal namespace has another place.
    public static let standardSocketPath = "/run/systemd/journal/socket"

    /// Settings with every default.
    public init() {}
}
