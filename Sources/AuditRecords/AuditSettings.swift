import Primitives

/// How much of a request its record holds (audit log format §2), per route.
public enum AuditLevel: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none = 0
    case metadata
    case headers
    case bodyHash
    case body
}

/// What a record's durability promises (audit log format §6), per route.
public enum AuditMode: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case strict = 0
    case bounded
    case bestEffort
}

/// What the settings file says about the log.
public struct AuditSettings: Sendable, Equatable {
    /// The folder that holds one folder per log id.
    public var directory: String
    /// The log's public name; the origin is this, a slash and the log id.
    public var originName: String
    /// File that holds the Ed25519 signing key (PKCS #8 PEM).
    public var signingKeyPath: String
    public var mode: AuditMode
    /// In bounded mode, how far a response may run ahead of its record's fsync.
    public var boundMilliseconds: UInt32
    public var boundRecords: UInt32
    public var checkpointMilliseconds: UInt32
    public var rotateBytes: UInt64
    public var rotateSeconds: UInt32
    public var heartbeatSeconds: UInt32
    /// Memory of one worker's ring, in bytes; a power of two.
    public var ringBytes: Int

    /// Settings with every default; only what has none is asked for.
    public init(directory: String, originName: String, signingKeyPath: String) {
        self.directory = directory
        self.originName = originName
        self.signingKeyPath = signingKeyPath
        mode = .bounded
        boundMilliseconds = 1000
        boundRecords = 65536
        checkpointMilliseconds = 1000
        rotateBytes = 64 << 20
        rotateSeconds = 3600
        heartbeatSeconds = 60
        ringBytes = 4 << 20
    }
}

/// The names behind the indices in `RecordFacts`, for one settings generation.
public struct RecordNames: Sendable {
    public var listeners: [String] = []
    public var routes: [String] = []
    public var issuers: [String] = []
    public var limits: [String] = []
    public var roles: [String] = []
    public var upstreams: [String] = []
    /// `endpoints[upstream][endpoint]`, as `host:port`.
    public var endpoints: [[String]] = []
    /// SHA-256 of the settings file.
    public var settingsDigest = Digest256.zero

    /// No names.
    public init() {}
}
