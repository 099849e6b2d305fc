import Primitives

/// Which paths a route answers for, such as `/v1/{tenant}/orders/**`.
///
/// `{name}` and `*` stand for exactly one segment that is not empty; `**`, last only, for what
/// remains, be it nothing: `/x/**` matches `/x`, `/x/` and `/x/a/b`. All else is literal and in
/// the normal form that requests' paths are compared in.
public struct PathPattern: Sendable, Equatable {
    /// One step between two slashes.
    public enum Segment: Sendable, Equatable {
        /// These bytes, in normal form.
        case literal([UInt8])
        /// Any one segment; the name is for people, and empty for `*`.
        case one(name: String)
        /// All the rest.
        case rest
    }

    /// Longest accepted pattern, in bytes.
    public static let limitBytes = 1024
    /// Most segments of a pattern.
    public static let limitSegments = 64

    /// The steps in order; a last empty literal is a trailing slash.
    public let segments: [Segment]
    /// The pattern as it was written.
    public let text: String

    /// Parses a pattern.
    public init(_ pattern: String) throws(PatternError) {
        let bytes = Array(pattern.utf8)
        guard bytes.count <= PathPattern.limitBytes else {
            throw .tooLong(limitBytes: PathPattern.limitBytes)
        }
        guard bytes.first == UInt8(ascii: "/") else { throw .slashMissing }
        let parts = bytes.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= PathPattern.limitSegments else {
            throw .segmentsTooMany(limit: PathPattern.limitSegments)
        }
        var segments: [Segment] = []
        var names: [String] = []
        for (index, part) in parts.enumerated() {
            let segment = try PathPattern.segment(Array(part), isLast: index == parts.count - 1)
            if case .one(let name) = segment, !name.isEmpty {
                guard !names.contains(name) else { throw .nameDuplicate }
                names.append(name)
            }
            segments.append(segment)
        }
        self.segments = segments
        text = pattern
    }

    /// Whether every path that `other` matches is matched by this pattern.
    public func covers(_ other: PathPattern) -> Bool {
        var index = 0
        while true {
            let mine = index < segments.count ? segments[index] : nil
            let its = index < other.segments.count ? other.segments[index] : nil
            switch (mine, its) {
            case (nil, nil), (.rest, _): return true
            case (nil, _), (_, nil), (_, .rest): return false
            case (.literal(let left), .literal(let right)):
                guard left == right else { return false }
            case (.one, .literal(let right)):
                guard !right.isEmpty else { return false }
            case (.one, .one): break
            case (.literal, .one): return false
            }
            index += 1
        }
    }

    private static func segment(_ part: [UInt8], isLast: Bool) throws(PatternError) -> Segment {
        if part.isEmpty {
            guard isLast else { throw .segmentEmpty }
            return .literal([])
        }
        if part == Array("**".utf8) {
            guard isLast else { throw .restNotLast }
            return .rest
        }
        if part == Array("*".utf8) { return .one(name: "") }
        if part.first == UInt8(ascii: "{"), part.last == UInt8(ascii: "}") {
            let name = part.dropFirst().dropLast()
            guard !name.isEmpty, name.allSatisfy(isNameByte) else { throw .nameInvalid }
            return .one(name: String(decoding: name, as: UTF8.self))
        }
        for byte in part {
            switch byte {
            case UInt8(ascii: "*"), UInt8(ascii: "{"), UInt8(ascii: "}"):
                throw .wildcardInsideSegment
            default: break
            }
        }
        let literal = try normalForm(part)
        if literal == Array(".".utf8) || literal == Array("..".utf8) { throw .segmentDots }
        return .literal(literal)
    }

    /// Unreserved bytes decoded, other encodings in upper case (RFC 3986 §6.2.2), as requests are.
    private static func normalForm(_ part: [UInt8]) throws(PatternError) -> [UInt8] {
        var out: [UInt8] = []
        var offset = 0
        while offset < part.count {
            let byte = part[offset]
            guard byte == UInt8(ascii: "%") else {
                guard isPathByte(byte) else { throw .characterInvalid }
                out.append(byte)
                offset += 1
                continue
            }
            guard offset + 2 < part.count, let high = part[offset + 1].hexValue,
                let low = part[offset + 2].hexValue
            else { throw .encodingInvalid }
            let value = high << 4 | low
            switch value {
            case 0, UInt8(ascii: "/"), UInt8(ascii: "\\"): throw .encodingInvalid
            default: break
            }
            if isUnreserved(value) {
                out.append(value)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                out += [UInt8(ascii: "%"), digits[Int(high)], digits[Int(low)]]
            }
            offset += 3
        }
        return out
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
            || byte.isASCIIDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    /// `unreserved` of RFC 3986 §2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isNameByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
    }

    /// `pchar` of RFC 3986 §3.3, the percent sign aside.
    private static func isPathByte(_ byte: UInt8) -> Bool {
        isUnreserved(byte) || Array("!$&'()+,;=:@".utf8).contains(byte)
    }
}
