import Primitives

/// A request method (RFC 9110 §9, RFC 5789). The raw value stands in audit records.
public enum Method: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case get = 1
    case head
    case post
    case put
    case delete
    case patch
    case options
    case trace
    case connect
    /// Any other token; the message's own bytes say which.
    case other = 255

    /// The method that `text` names; letter case counts (RFC 9110 §9.1).
    public init(_ text: Span<UInt8>) {
        switch text.count {
        case 3 where text.equals("GET"): self = .get
        case 3 where text.equals("PUT"): self = .put
        case 4 where text.equals("POST"): self = .post
        case 4 where text.equals("HEAD"): self = .head
        case 5 where text.equals("PATCH"): self = .patch
        case 5 where text.equals("TRACE"): self = .trace
        case 6 where text.equals("DELETE"): self = .delete
        case 7 where text.equals("OPTIONS"): self = .options
        case 7 where text.equals("CONNECT"): self = .connect
        default: self = .other
        }
    }

    /// The method as it is written; empty for `other`.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other: ""
        }
    }

    /// Whether doing it twice is the same as once (RFC 9110 §9.2.2).
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .patch, .connect, .other: false
        }
    }
}
