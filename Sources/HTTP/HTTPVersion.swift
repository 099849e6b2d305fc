/// The version that a message is processed as (RFC 9110 §2.5).
public enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
    /// HTTP/1.0.
    case http10 = 10
    /// HTTP/1.1, and every later minor version of major version 1.
    case http11 = 11
}
