import Primitives

/// What kind of entry a record becomes (audit log format §2).
public enum RecordKind: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case decision = 1
    case completion = 2
    /// Decision and completion in one: what nearly every request writes.
    case combined = 3
    case authentication = 4
    case administration = 5
    case lifecycle = 6
    case gap = 7
    case epochKey = 8
    case erasure = 9
    case access = 10
}

/// How a request ended, as an auditor counts it.
public enum Outcome: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case allow = 0
    case deny
    case throttle
    case error
}

/// Whose fault an error was.
public enum ErrorSource: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none = 0
    case client
    case proxy
    case upstream
}

/// In which phase a request, or the connection before it, ended early.
public enum RequestPhase: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none = 0
    /// TLS was being set up: there is no request yet.
    case handshake
    case head
    case authentication
    case authorization
    case limit
    case connect
    case requestBody
    case responseHead
    case responseBody
}

/// What a principal was established by.
public enum CredentialScheme: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none = 0
    /// A token; a certificate that it is bound to may stand beside it.
    case bearer
    /// The client's certificate alone.
    case certificate
}

/// The numbers of one record, in the form that a worker copies into its ring.
///
/// The layout is this process's own: a ring never leaves it. Names (routes, upstreams, issuers)
/// travel as indices into `RecordNames`; text travels behind the facts as `RecordField`s.
public struct RecordFacts: BitwiseCopyable, Sendable {
    /// No index: no route matched, no issuer was established, and so on.
    public static let noIndex: UInt16 = .max

    /// The kind of entry this becomes.
    public var kind = RecordKind.combined
    /// How the request ended.
    public var outcome = Outcome.error
    /// Whose fault the end was, when it was an error.
    public var errorSource = ErrorSource.none
    /// Where the request was when it ended early.
    public var errorPhase = RequestPhase.none
    /// 10 or 11; 0 when no version was read.
    public var httpVersion: UInt8 = 0
    /// `HTTP.Method.rawValue`; 0 when none was read, 255 when `RecordField.method` says it.
    public var method: UInt8 = 0
    /// `AuditLevel.rawValue` of the route.
    public var level: UInt8 = 0
    /// Whether the token came out of the cache.
    public var isCacheHit = false
    /// Whether the connection to the endpoint was reused.
    public var isUpstreamReused = false
    /// Attempts made upstream; 0 when nothing was tried.
    public var upstreamAttempts: UInt8 = 0
    /// `SignatureAlgorithm.rawValue`; 0 when no token was verified.
    public var algorithm: UInt8 = 0
    /// What the principal was established by.
    public var scheme = CredentialScheme.none
    /// Whether the TLS session was resumed.
    public var isTLSResumed = false
    /// Protocol agreed on by ALPN: 1 is HTTP/1.1, 0 none.
    public var tlsProtocol: UInt8 = 0
    /// Alert that a failed handshake sent or received; 0 when none.
    public var tlsAlert: UInt8 = 0
    /// Why it ended so.
    public var reason = Reason.none

    /// The worker that served it.
    public var worker: UInt16 = 0
    /// The listener that it came in by.
    public var listener: UInt16 = RecordFacts.noIndex
    /// The route that it matched.
    public var route: UInt16 = RecordFacts.noIndex
    /// Which `allow` rule of the route decided.
    public var rule: UInt16 = RecordFacts.noIndex
    /// Role number (`RoleSet`) that decided.
    public var role: UInt16 = RecordFacts.noIndex
    /// Who issued the token.
    public var issuer: UInt16 = RecordFacts.noIndex
    /// The limit that decided, or is nearest to deciding.
    public var limit: UInt16 = RecordFacts.noIndex
    /// Where it was sent.
    public var upstream: UInt16 = RecordFacts.noIndex
    /// Which of the upstream's endpoints.
    public var endpoint: UInt16 = RecordFacts.noIndex
    /// Status sent to the client; 0 when none was sent.
    public var status: UInt16 = 0
    /// Status that the upstream sent; 0 when none came.
    public var upstreamStatus: UInt16 = 0

    /// Version of TLS, as its records have it (0x0304 is 1.3); 0 when the connection has none.
    public var tlsVersion: UInt16 = 0
    /// IANA's number of the cipher suite; 0 when none was agreed on.
    public var tlsCipher: UInt16 = 0
    /// IANA's number of the key exchange's group; 0 when none is known.
    public var tlsGroup: UInt16 = 0
    /// IANA's number of the scheme that the server signed with; 0 when it did not.
    public var tlsSignature: UInt16 = 0

    /// Gapless per (boot, worker), taken when the request begins to be judged.
    public var sequence: UInt64 = 0
    /// Sequence of the decision that a completion belongs to; 0 when none.
    public var linkedSequence: UInt64 = 0
    /// When the request's head was complete.
    public var time = WallTime(microseconds: 0)
    /// The same moment on the monotonic clock.
    public var instant = Instant.zero
    /// Numbered per worker from 1.
    public var connection: UInt64 = 0
    /// The request's own identifier.
    public var requestID = Identifier128.zero
    /// W3C trace context, zero when there is none.
    public var traceID = Identifier128.zero
    /// The proxy's own span in the trace.
    public var spanID: UInt64 = 0
    /// The other end of the connection.
    public var peer = PeerAddress.unknown
    /// The client's address as a trusted proxy told it; unknown when none did.
    public var client = PeerAddress.unknown

    /// Body and head bytes read from the client, and written to it.
    public var bytesIn: UInt64 = 0
    /// Bytes written to the client, head and body.
    public var bytesOut: UInt64 = 0

    /// Microseconds that the connection's TLS handshake took.
    public var handshakeMicroseconds: UInt32 = 0
    /// Microseconds from the first byte of the head to its end.
    public var headMicroseconds: UInt32 = 0
    /// Microseconds from the head to the decision (authenticate, authorise, limit).
    public var decisionMicroseconds: UInt32 = 0
    /// Microseconds from the decision until the endpoint's connection was usable.
    public var connectMicroseconds: UInt32 = 0
    /// Microseconds from the head until the response's head came.
    public var firstByteMicroseconds: UInt32 = 0
    /// Microseconds from the head to the end of the request.
    public var totalMicroseconds: UInt32 = 0

    /// Requests left under the limit that decided, and seconds to wait.
    public var limitRemaining: UInt32 = 0
    /// Seconds until the limit lets one through; 0 when it does now.
    public var retryAfterSeconds: UInt32 = 0
    /// The settings that judged it.
    public var generation = SettingsGeneration(number: 0)

    /// Facts of nothing yet.
    @inlinable
    public init() {}
}

/// Text behind a record's facts: what each piece says.
public enum RecordField: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The method's own bytes, when `RecordFacts.method` is 255.
    case method = 1
    case authority
    /// The path in normal form, without the query.
    case path
    /// Names of the query's parameters joined by `&`, never their values.
    case queryKeys
    case userAgent
    /// Part 1: who asked.
    case subject
    case clientID
    /// The token's `jti`.
    case tokenID
    /// First 16 bytes of the token's SHA-256, raw.
    case tokenThumbprint
    /// The key that verified the token.
    case keyID
    /// One chosen header field: `name`, a colon, the value.
    case header
    /// The server name that the client's handshake asked for, as it was sent.
    case serverName
    /// JA4 fingerprint of the client's handshake.
    case tlsFingerprint
    /// Part 1: SHA-256 of the client's certificate, raw.
    case certificateHash
    /// Its subject's distinguished name.
    case certificateSubject
    /// One of its alternative names, said by its kind: `uri:…`, `dns:…`, `email:…`, `ip:…`.
    case certificateName
    /// One chosen field of the upstream's response: `name`, a colon, the value.
    case responseHeader
    /// The query with its values, as far as they may be recorded.
    case query
    /// Which rules took something out; see `RedactionSet`. It may come more than once.
    case redactions
    /// Values left out because there were too many; see `OmittedCounts`. It may come more than once.
    case omitted
    /// What was seen of the request's body; see `BodyFacts`.
    case requestBody
    /// The same of the response's.
    case responseBody
    /// The request's body, as far as it may be recorded.
    case requestText
    /// Part 1, in the place of addresses: pseudonyms of the client's and the peer's, and the key
    /// that they are made under.
    case clientPseudonym = 24
    case peerPseudonym
    case addressKey
    /// The key that the rest of part 1 is pseudonyms under, or is sealed under.
    case subjectKey
    /// Part 1 as it would have been, sealed.
    case sealedSubject
    /// The response's body, as far as it may be recorded.
    case responseText
}
