/// A witness that cosigns the log's checkpoints (C2SP tlog-witness).
public struct WitnessSettings: Sendable, Equatable {
    /// What its cosignatures are checked with: a `vkey` of type 0x04.
    public var key: String
    /// Where `/add-checkpoint` is asked for, without a slash at its end.
    public var url: String
    /// File with the certificates that its server's is verified with; nil for the system's.
    public var authoritiesPath: String?

    /// The witness of this key at this place.
    public init(key: String, url: String, authoritiesPath: String? = nil) {
        self.key = key
        self.url = url
        self.authoritiesPath = authoritiesPath
    }
}

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
