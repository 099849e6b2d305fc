/// Why a host or path pattern is refused.
public enum PatternError: Error, Equatable, Sendable {
    /// More bytes than a pattern may have.
    case tooLong(limitBytes: Int)
    /// More segments than a pattern may have.
    case segmentsTooMany(limit: Int)
    /// A host pattern without a name.
    case hostEmpty
    /// A byte that no host name has, or an empty label.
    case hostInvalid
    /// A path pattern begins with a slash.
    case slashMissing
    /// `//` inside a path pattern: such requests are refused before routes are looked at.
    case segmentEmpty
    /// `.` or `..`, also in percent-encoding: such requests are refused, too.
    case segmentDots
    /// `**` may only be the last segment.
    case restNotLast
    /// `{name}` and `*` stand for one whole segment, not for a part of one.
    case wildcardInsideSegment
    /// `{}`, or a name with other characters than letters, digits, `_` and `-`.
    case nameInvalid
    /// The same `{name}` twice.
    case nameDuplicate
    /// A character that a request's path cannot have unless percent-encoded.
    case characterInvalid
    /// `%` without two hexadecimal digits, or an encoded slash, backslash or NUL.
    case encodingInvalid
    /// A certificate pattern without a value.
    case certificateEmpty
    /// A control character in a certificate pattern.
    case certificateControl
    /// A `*` where a certificate pattern can't have one.
    case certificateWildcard
    /// A certificate pattern for a URI without a scheme, or with nothing behind it.
    case certificateURIInvalid
    /// A certificate pattern for a mail address without a name or a domain.
    case certificateEmailInvalid
    /// A certificate's SHA-256 that is not 64 hexadecimal digits.
    case certificateDigestInvalid
}

extension PatternError: CustomStringConvertible {
    /// The failure for people.
    public var description: String {
        switch self {
        case .tooLong(let limitBytes): "longer than \(limitBytes) bytes"
        case .segmentsTooMany(let limit): "more than \(limit) segments"
        case .hostEmpty: "the host is empty"
        case .hostInvalid: "not a host name, '*.' and a host name, or an address"
        case .slashMissing: "a path begins with '/'"
        case .segmentEmpty: "an empty segment ('//') never matches: such requests are refused"
        case .segmentDots: "a '.' or '..' segment never matches: such requests are refused"
        case .restNotLast: "'**' must be the last segment"
        case .wildcardInsideSegment: "'*' and '{name}' stand for a whole segment"
        case .nameInvalid: "a name in braces has letters, digits, '_' and '-' only"
        case .nameDuplicate: "the same name in braces twice"
        case .characterInvalid: "a character that must be percent-encoded in a path"
        case .encodingInvalid:
            "'%' takes two hexadecimal digits, and not those of a slash, backslash or NUL"
        case .certificateEmpty: "the value is empty"
        case .certificateControl: "a control character"
        case .certificateWildcard:
            "'*' stands at the end of a uri, or as '*.' at the start of a dns name"
        case .certificateURIInvalid: "not a URI with a scheme and something behind it"
        case .certificateEmailInvalid: "not a mail address"
        case .certificateDigestInvalid: "not the 64 hexadecimal digits of a SHA-256"
        }
    }
}
