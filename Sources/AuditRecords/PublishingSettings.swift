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

/// Which records are sent to journald.
public enum JournalRecords: Sendable, Equatable, CaseIterable {
    /// None.
    case none
    /// Those of what was refused: by authentication, authorization, a limit.
    case denied
    /// Those of all requests and failed handshakes.
    case all
}

/// What of the log is sent to journald.
public struct JournalSettings: Sendable, Equatable {
    /// Whether each signed checkpoint is sent.
    public var sendsCheckpoints = true
    /// Which records are sent.
    public var records = JournalRecords.none
    /// How many records are sent in a second, over half a minute; 0 for as many as there are.
    ///
    /// Half a minute's may go at once, and are those of 30 s twice over at the most: 9000, so that
    /// journald, which drops what exceeds 10,000 in 30 s, has room for checkpoints and events.
    public var recordsPerSecond: UInt32 = 150
    /// Path of the socket that journald takes messages from.
    public var socketPath = JournalSettings.standardSocketPath
    /// Folder of the journal's files, which are read when the log is opened; nil for where systemd
    /// has those of `socketPath`.
    public var directoryPath: String?

    /// Where systemd's own journal listens; a journal namespace has another place.
    public static let standardSocketPath = "/run/systemd/journal/socket"

    /// Settings with every default.
    public init() {}
}
