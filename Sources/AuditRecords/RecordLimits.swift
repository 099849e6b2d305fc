import Primitives

/// How much text of each kind a record holds, in bytes of the raw value.
///
/// What is longer is cut, and the record says its full length and SHA-256 (audit log format §2).
public struct RecordLimits: Sendable, Equatable {
    /// A method that is none of the usual ones.
    public var methodBytes = 32
    /// Host and port as the client named them.
    public var authorityBytes = 255
    /// The path in normal form.
    public var pathBytes = 1024
    /// Names of the query's parameters.
    public var queryKeysBytes = 512
    /// The User-Agent field.
    public var userAgentBytes = 256
    /// The token's subject.
    public var subjectBytes = 255
    /// The token's client.
    public var clientIDBytes = 255
    /// The token's `jti`.
    public var tokenIDBytes = 128
    /// The key that verified the token.
    public var keyIDBytes = 128
    /// The query with its values.
    public var queryBytes = 1024
    /// The text of a body; 0 where no record has one.
    public var bodyBytes = 0
    /// One chosen header field, its name and colon included.
    public var headerBytes = 512
    /// The server name that the client's handshake asked for.
    public var serverNameBytes = 255
    /// The distinguished name of the client's certificate.
    public var certificateSubjectBytes = 255
    /// One alternative name of the client's certificate, its kind and colon included.
    public var certificateNameBytes = 255

    /// Most chosen header fields of one direction in one record.
    public static let headerCount = 10
    /// Most alternative names of a certificate in one record.
    public static let certificateNameCount = 8
    /// How often a record may say what was taken or left out: for the connection, the request, the
    /// response, and each body.
    public static let marksCount = 5
    /// Bytes of a JA4 fingerprint.
    public static let fingerprintBytes = 36
    /// Bytes of a token's SHA-256 that a record holds.
    public static let thumbprintBytes = 16
    /// Bytes of a pseudonym.
    public static let pseudonymBytes = 32
    /// Bytes of the number of a keyring's key.
    public static let keyNumberBytes = 16
    /// Most bytes of a subject part before it is sealed.
    public static let openSubjectBytes = 24 << 10
    /// Most bytes of a sealed subject part, in base64url.
    public static let sealedSubjectBytes = 33 << 10

    /// The defaults.
    public init() {}

    /// The most that any settings permit.
    public static var largest: RecordLimits {
        var limits = RecordLimits()
        limits.bodyBytes = BodyFacts.textLimit.upperBound
        return limits
    }

    /// Longest value of `field`.
    public func bytes(of field: RecordField) -> Int {
        switch field {
        case .method: methodBytes
        case .authority: authorityBytes
        case .path: pathBytes
        case .queryKeys: queryKeysBytes
        case .userAgent: userAgentBytes
        case .subject: subjectBytes
        case .clientID: clientIDBytes
        case .tokenID: tokenIDBytes
        case .tokenThumbprint: RecordLimits.thumbprintBytes
        case .keyID: keyIDBytes
        case .header: headerBytes
        case .serverName: serverNameBytes
        case .tlsFingerprint: RecordLimits.fingerprintBytes
        case .certificateHash: Digest256.byteCount
        case .certificateSubject: certificateSubjectBytes
        case .certificateName: certificateNameBytes
        case .clientPseudonym, .peerPseudonym: RecordLimits.pseudonymBytes
        case .addressKey, .subjectKey: RecordLimits.keyNumberBytes
        case .sealedSubject: RecordLimits.sealedSubjectBytes
        case .responseHeader: headerBytes
        case .query: queryBytes
        case .redactions: RedactionSet.byteCount
        case .omitted: OmittedCounts.byteCount
        case .requestBody, .responseBody: BodyFacts.byteCount
        case .requestText, .responseText: bodyBytes
        }
    }

    /// Most bytes of text behind one record's facts, each field cut and as often as it may be.
    public var maximumFieldBytes: Int {
        var sum = 0
        for field in RecordField.allCases where !field.isOfVeil {
            sum += count(of: field) * (bytes(of: field) + RecordFieldFormat.cutHeadBytes)
        }
        return sum
    }

    /// Most bytes of the fields that stand in the place of others, all of them plain.
    public var maximumVeilBytes: Int {
        var sum = 0
        for field in RecordField.allCases where field.isOfVeil {
            sum += bytes(of: field) + RecordFieldFormat.headBytes
        }
        return sum
    }

    /// How often a record may have `field`.
    private func count(of field: RecordField) -> Int {
        switch field {
        case .header, .responseHeader: RecordLimits.headerCount
        case .certificateName: RecordLimits.certificateNameCount
        case .redactions, .omitted: RecordLimits.marksCount
        default: 1
        }
    }

    /// Most bytes of one record in a ring: its facts and its text.
    public var maximumBytes: Int { MemoryLayout<RecordFacts>.size + maximumFieldBytes }
}
