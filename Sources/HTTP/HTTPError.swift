import Primitives

/// A rule of the protocol that a peer broke, one case for each.
public enum HTTPError: Error, Equatable, Sendable {
    /// The start line has no end within the limit (RFC 9112 §3).
    case startLineTooLong
    /// Not `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3).
    case requestLineMalformed
    /// Not `HTTP-version SP status-code SP [reason-phrase] CRLF` (RFC 9112 §4).
    case statusLineMalformed
    /// A request-target of no form that the method permits (RFC 9112 §3.2).
    case targetInvalid
    /// A path that another recipient could read as a different one.
    case pathAmbiguous
    /// CONNECT or TRACE, which are not served (RFC 9110 §9.3.6, §9.3.8).
    case methodRefused
    /// A major version other than 1 (RFC 9110 §2.5).
    case versionUnsupported
    /// The head has no end within the limit (RFC 6585 §5).
    case headTooLarge
    /// More field lines than the limit.
    case fieldsTooMany
    /// Not `field-name ":" OWS field-value OWS CRLF` (RFC 9112 §5).
    case fieldMalformed
    /// A line that begins with white space (RFC 9112 §5.2).
    case fieldFolded
    /// A request of HTTP/1.1 without Host (RFC 9112 §3.2).
    case hostMissing
    /// More than one Host (RFC 9112 §3.2).
    case hostDuplicate
    /// A Host, or an authority in the target, that is none (RFC 9112 §3.2).
    case hostInvalid
    /// Content-Length beside Transfer-Encoding (RFC 9112 §6.3).
    case lengthWithTransferCoding
    /// Transfer-Encoding in a message of HTTP/1.0 (RFC 9112 §6.1).
    case transferCodingInOldVersion
    /// Transfer codings whose last is not chunked, or that apply it twice (RFC 9112 §6.1).
    case transferCodingNotChunked
    /// A transfer coding besides chunked (RFC 9112 §6.1).
    case transferCodingUnknown
    /// A Content-Length of other than digits, or past `Int64.max` (RFC 9112 §6.2).
    case lengthInvalid
    /// More than one Content-Length, equal or not (RFC 9112 §6.3).
    case lengthDuplicate
    /// Connection names a field that is not the sender's to remove (RFC 9110 §7.6.1).
    case connectionOptionRefused
    /// Connection holds more options than the limit.
    case connectionOptionsTooMany
    /// An expectation other than 100-continue (RFC 9110 §10.1.1).
    case expectationUnknown
    /// A Max-Forwards that is not one number (RFC 9110 §7.6.2).
    case maxForwardsInvalid
    /// Not `chunk-size [chunk-ext] CRLF` (RFC 9112 §7.1).
    case chunkLineMalformed
    /// The chunk's line has no end within the limit, or such lines outweigh their data.
    case chunkLineTooLong
    /// A chunk-size past `Int64.max` (RFC 9112 §7.1).
    case chunkSizeOverflow
    /// Chunk data that is not followed by CRLF (RFC 9112 §7.1).
    case chunkEndMalformed
    /// The trailer section is longer than its limit, or has too many lines.
    case trailersTooLarge
    /// The connection ended inside a body (RFC 9112 §8).
    case bodyTruncated

    /// What the audit record of a refused request says.
    public var reason: Reason {
        switch self {
        case .startLineTooLong: .requestLineTooLong
        case .requestLineMalformed, .statusLineMalformed: .requestLineMalformed
        case .targetInvalid: .requestTargetInvalid
        case .pathAmbiguous: .requestPathAmbiguous
        case .methodRefused: .requestMethodRefused
        case .versionUnsupported: .requestVersionUnsupported
        case .headTooLarge: .requestHeadTooLarge
        case .fieldsTooMany: .requestFieldsTooMany
        case .fieldMalformed, .maxForwardsInvalid: .requestFieldMalformed
        case .fieldFolded: .requestFieldFolded
        case .hostMissing: .requestHostMissing
        case .hostDuplicate: .requestHostDuplicate
        case .hostInvalid: .requestHostInvalid
        case .lengthWithTransferCoding, .transferCodingInOldVersion, .transferCodingNotChunked:
            .requestFramingAmbiguous
        case .transferCodingUnknown: .requestTransferCodingUnknown
        case .lengthInvalid, .lengthDuplicate: .requestLengthInvalid
        case .connectionOptionRefused, .connectionOptionsTooMany: .requestConnectionFieldRefused
        case .expectationUnknown: .requestExpectationUnknown
        case .chunkLineMalformed, .chunkLineTooLong, .chunkSizeOverflow, .chunkEndMalformed:
            .requestChunkMalformed
        case .trailersTooLarge: .requestTrailersTooLarge
        case .bodyTruncated: .clientClosedEarly
        }
    }

    /// What the audit record says when it was the upstream's response that broke the rule.
    public var responseReason: Reason {
        switch self {
        case .startLineTooLong, .headTooLarge, .fieldsTooMany, .trailersTooLarge:
            .upstreamResponseTooLarge
        case .bodyTruncated:
            .upstreamTruncated
        case .requestLineMalformed, .statusLineMalformed, .targetInvalid, .pathAmbiguous,
            .methodRefused, .versionUnsupported, .fieldMalformed, .fieldFolded, .hostMissing,
            .hostDuplicate, .hostInvalid, .lengthWithTransferCoding, .transferCodingInOldVersion,
            .transferCodingNotChunked, .transferCodingUnknown, .lengthInvalid, .lengthDuplicate,
            .connectionOptionRefused, .connectionOptionsTooMany, .expectationUnknown,
            .maxForwardsInvalid, .chunkLineMalformed, .chunkLineTooLong, .chunkSizeOverflow,
            .chunkEndMalformed:
            .upstreamResponseMalformed
        }
    }

    /// The status that answers a request that broke the rule; the connection closes after it.
    public var status: UInt16 {
        switch self {
        case .startLineTooLong: 414
        case .headTooLarge, .fieldsTooMany, .trailersTooLarge: 431
        case .versionUnsupported: 505
        case .methodRefused, .transferCodingUnknown: 501
        case .expectationUnknown: 417
        case .requestLineMalformed, .statusLineMalformed, .targetInvalid, .pathAmbiguous,
            .fieldMalformed, .fieldFolded, .hostMissing, .hostDuplicate, .hostInvalid,
            .lengthWithTransferCoding, .transferCodingInOldVersion, .transferCodingNotChunked,
            .lengthInvalid, .lengthDuplicate, .connectionOptionRefused,
            .connectionOptionsTooMany, .maxForwardsInvalid, .chunkLineMalformed,
            .chunkLineTooLong, .chunkSizeOverflow, .chunkEndMalformed, .bodyTruncated:
            400
        }
    }
}
