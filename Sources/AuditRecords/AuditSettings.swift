import Primitives

/// How much of a request its record holds (audit log format §2), per route.
public enum AuditLevel: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none = 0
    case metadata
    case headers
    case bodyHash
    case body
}

extension AuditLevel: Comparable {
    /// Whether `left` records less.
    public static func < (left: AuditLevel, right: AuditLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What a record's durability promises (audit log format §6), per route.
public enum AuditMode: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case strict = 0
    case bounded
    case bestEffort

    /// The word that settings use.
    public var word: String {
        switch self {
        case .strict: "strict"
        case .bounded: "bounded"
        case .bestEffort: "best_effort"
        }
    }
}

/// What the settings file says about the log.
public struct AuditSettings: Sendable, Equatable {
    /// The folder that holds one folder per log id.
    public var directory: String
    /// The log's public name; the origin is this, a slash and the log id.
    public var originName: String
    /// File that holds the Ed25519 signing key (PKCS #8 PEM).
    public var signingKeyPath: String
    /// Socket of the process that holds the key instead; then there is no key file.
    public var signerPath: String?
    /// What the routes promise that say nothing else.
    public var mode: AuditMode
    /// In bounded mode, how far a response may run ahead of its record's fsync.
    public var boundMilliseconds: UInt32
    /// In bounded mode, how many records may wait for their fsync.
    public var boundRecords: UInt32
    /// In strict mode, how long a request waits until its record is durable.
    public var commitMilliseconds: UInt32
    /// Time between signed checkpoints while the log grows.
    public var checkpointMilliseconds: UInt32
    /// A segment of this size is sealed.
    public var rotateBytes: UInt64
    /// A segment of this age is sealed.
    public var rotateSeconds: UInt32
    /// An epoch's key signs for so long, and for no longer than a segment.
    public var epochSeconds: UInt32
    /// Time between heartbeat leaves.
    public var heartbeatSeconds: UInt32
    /// A file system that is used to so many percent is recorded and told of.
    public var diskWarnPercent = 75
    /// Room that is kept for the records of what is under way when there is no other; 0 for none.
    public var diskReserveBytes: UInt64 = 64 << 20
    /// Whom the records are encrypted to, `age1…` each; nobody means that they are not encrypted.
    public var recipients: [String] = []
    /// How much the records hold of routes that say nothing else, and of requests that match none.
    public var level: AuditLevel
    /// What records may hold, and what is taken out of them.
    public var privacy = PrivacySettings()
    /// Who is asked to cosign checkpoints.
    public var witnesses: [WitnessSettings] = []
    /// Time between rounds of asking them.
    public var witnessMilliseconds: UInt32 = 10_000
    /// What is sent to journald; nil for nothing.
    public var journal: JournalSettings?
    /// How long records are kept.
    public var retention = RetentionSettings()
    /// Memory of one worker's ring, in bytes; a power of two.
    public var ringBytes: Int

    /// Settings with every default; only what has none is asked for.
    public init(directory: String, originName: String, signingKeyPath: String) {
        self.directory = directory
        self.originName = originName
        self.signingKeyPath = signingKeyPath
        mode = .bounded
        level = .metadata
        boundMilliseconds = 1000
        boundRecords = 65536
        commitMilliseconds = 5000
        checkpointMilliseconds = 1000
        rotateBytes = 64 << 20
        rotateSeconds = 3600
        epochSeconds = 900
        heartbeatSeconds = 60
        ringBytes = 4 << 20
    }
}

/// The names behind the indices in `RecordFacts`, for one settings generation.
public struct RecordNames: Sendable, Equatable {
    /// By listener number.
    public var listeners: [String] = []
    /// By route number.
    public var routes: [String] = []
    /// By issuer number.
    public var issuers: [String] = []
    /// By limit number.
    public var limits: [String] = []
    /// By role number (`RoleSet`).
    public var roles: [String] = []
    /// By redaction rule number; see `RecordNames.builtInRules`.
    public var rules: [String] = RecordNames.builtInRules
    /// By upstream number.
    public var upstreams: [String] = []
    /// `endpoints[upstream][endpoint]`, as `host:port`.
    public var endpoints: [[String]] = []
    /// SHA-256 of the settings file.
    public var settingsDigest = Digest256.zero

    /// Names of the rules that no settings file has to write.
    public static let builtInRules = ["credential", "unrouted"]
    /// Values of query parameters, form fields and JSON members that hold credentials.
    public static let credentialRule: UInt8 = 0
    /// Paths of requests that matched no route, where a rule would take something out of paths.
    public static let unroutedRule: UInt8 = 1

    /// No names.
    public init() {}
}
