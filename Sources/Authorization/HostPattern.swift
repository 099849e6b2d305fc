/// Which hosts a route answers for: one name, or every name below one.
///
/// Names are compared without letter case; a request's port and one trailing dot are ignored.
public struct HostPattern: Sendable, Equatable {
    /// Lower case; for a wildcard the part behind the `*`, beginning with its dot.
    public let text: String
    /// Whether the pattern began with `*.`: any name below, but not the name itself.
    public let isWildcard: Bool

    /// Longest accepted pattern, in bytes (RFC 1035 §2.3.4).
    public static let limitBytes = 255

    /// Parses `api.example.com`, `*.example.com`, an IPv4 literal or an IPv6 literal in brackets.
    public init(_ pattern: String) throws(PatternError) {
        let lower = pattern.lowercased()
        guard lower.utf8.count <= HostPattern.limitBytes else {
            throw .tooLong(limitBytes: HostPattern.limitBytes)
        }
        isWildcard = lower.hasPrefix("*.")
        text = isWildcard ? String(lower.dropFirst()) : lower
        let name = isWildcard ? String(text.dropFirst()) : text
        guard !name.isEmpty else { throw .hostEmpty }
        if name.hasPrefix("["), name.hasSuffix("]"), !isWildcard {
            guard name.dropFirst().dropLast().utf8.allSatisfy(HostPattern.isAddressByte) else {
                throw .hostInvalid
            }
            return
        }
        guard name.utf8.allSatisfy(HostPattern.isNameByte), !name.hasPrefix("."),
            !name.hasSuffix("."), !name.contains("..")
        else { throw .hostInvalid }
    }

    /// The pattern as it was written, in lower case.
    public var description: String { isWildcard ? "*" + text : text }

    /// Whether every host that `other` matches is matched by this pattern.
    public func covers(_ other: HostPattern) -> Bool {
        guard isWildcard else { return self == other }
        return other.text.hasSuffix(text) && (other.isWildcard || other.text != text)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
