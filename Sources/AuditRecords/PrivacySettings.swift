import Primitives

/// How much of a query a record holds.
public enum QueryPrivacy: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Nothing.
    case none = 0
    /// Names of its parameters.
    case keys
    /// Names and values; those of credentials are always left out.
    case values
}

/// What stands in a record where a value was taken out.
public enum RedactionAction: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The rule's name: `[redacted:card]`.
    case remove = 0
    /// The same, and the last four letters or digits of a value of twelve or more.
    case mask
}

/// The member of a record that a rule took something out of.
public enum RedactedField: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    // In the order of their names, as `redactions` lists them.
    case clientID = 0
    case headers
    case tokenID
    case path
    case query
    case requestBody
    case responseBody
    case responseHeaders
    case subject
    case userAgent
}

/// What is taken out of records wherever it stands, under a name that the records then give.
public struct RedactionRule: Sendable, Equatable {
    /// Most rules of a file.
    public static let limit = 24
    /// Most pointers of all rules.
    public static let pointerLimit = 32
    /// Longest step of a pointer, in bytes.
    public static let stepBytes = 64
    /// Longest name, in bytes.
    public static let nameBytes = 32

    /// What records call it.
    public var name: String
    /// What stands in the value's place.
    public var action = RedactionAction.remove
    /// Names of routes' `{parameters}` whose segments it takes out of paths.
    public var parameters: [String] = []
    /// Segments of every path, counted from 1.
    public var segments: [Int] = []
    /// Names of query parameters, and of form fields in bodies.
    public var query: [String] = []
    /// Names of header fields.
    public var headers: [String] = []
    /// Members of the subject part.
    public var claims: [RedactedField] = []
    /// Steps of JSON pointers (RFC 6901) into bodies; `*` stands for any one step.
    public var body: [[String]] = []

    /// The rule of that name, which takes nothing out yet.
    public init(name: String) {
        self.name = name
    }
}

/// What the settings file says of what records may hold (audit log format §2, §8).
public struct PrivacySettings: Sendable, Equatable {
    /// Most chosen header fields of one direction.
    public static let headerLimit = 8

    /// What a record has in the place of the subject, and of what else identifies it: the client's
    /// name, the token's number, the client's certificate.
    public enum Subject: UInt8, Sendable, CaseIterable {
        /// Themselves.
        case plain
        /// Pseudonyms, each with its own.
        case pseudonym
        /// Nothing: the whole part is sealed under a key of that subject, which can be erased.
        case sealed
    }

    /// What a record has in the place of the client's address and of the peer's.
    public enum Address: UInt8, Sendable, CaseIterable {
        /// Themselves.
        case full
        /// Their networks: 24 bits of IPv4, 48 of IPv6, and no port.
        case truncated
        /// Pseudonyms.
        case pseudonym
    }

    /// What stands for the subject.
    public var subject = Subject.plain
    /// What stands for addresses.
    public var clientAddress = Address.full
    /// Keys of pseudonyms and subjects are new after this time.
    public var keySeconds: UInt32 = 30 * 86_400
    /// File of the key that the keyring's keys are made with; nil when it lies in the keyring.
    public var keyringKeyPath: String?
    /// What stands of queries.
    public var query = QueryPrivacy.keys
    /// Names of request fields, in lower case, that records of level headers and above hold.
    public var requestHeaders: [String] = []
    /// The same of the upstream's responses.
    public var responseHeaders: [String] = []
    /// What is taken out.
    public var rules: [RedactionRule] = []
    /// Most bytes of a body's text, in `BodyFacts.textLimit`.
    public var bodyBytes = 4096

    /// The defaults: who asked and from where in the clear, names of query parameters, no fields.
    public init() {}

    /// Whether the log has a keyring.
    public var needsKeyring: Bool { subject != .plain || clientAddress == .pseudonym }
}

extension PeerAddress {
    /// The address's network alone: /24 of IPv4, /48 of IPv6; no port.
    public var truncated: PeerAddress {
        if self == .unknown { return self }
        let bits = isIPv4 ? 96 + 24 : 48
        let range = AddressRange(address: address, prefixBits: bits)
        return PeerAddress(address: range.address, port: 0)
    }
}
