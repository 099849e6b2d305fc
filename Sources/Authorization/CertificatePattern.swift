import Primitives

/// A set of certificate patterns out of those that one policy names, at most 64: each has the number
/// of its place there.
public typealias CertificateSet = NumberSet<CertificatePattern>

/// What a client's certificate must say: one attribute, and the values that will do.
///
/// Distinguished names, URIs and the part of a mail address before its `@` are compared byte for
/// byte (RFC 5280 §7.4, §7.5), DNS names without letter case.
public struct CertificatePattern: Sendable, Hashable {
    /// What is compared.
    public enum Attribute: UInt8, Sendable, CaseIterable, BitwiseCopyable {
        /// The subject's distinguished name, in the form of RFC 4514.
        case subject = 1
        /// A subject alternative name that is a URI; a `*` at the pattern's end stands for any rest.
        case uri
        /// A subject alternative name that is a DNS name; `*.` at the pattern's start stands for
        /// any names below.
        case dns
        /// A subject alternative name that is a mail address.
        case email
        /// The SHA-256 of the certificate itself, in hexadecimal.
        case sha256
    }

    /// What is compared.
    public let attribute: Attribute
    /// The value without the `*`, and in lower case where case makes no difference.
    public let text: String
    /// Whether the pattern had a `*`.
    public let isWildcard: Bool

    /// Longest accepted pattern, in bytes.
    public static let limitBytes = 1024

    /// Parses the pattern `text` for `attribute`.
    public init(_ attribute: Attribute, _ text: String) throws(PatternError) {
        guard text.utf8.count <= CertificatePattern.limitBytes else {
            throw .tooLong(limitBytes: CertificatePattern.limitBytes)
        }
        guard !text.isEmpty else { throw .certificateEmpty }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .certificateControl
        }
        self.attribute = attribute
        switch attribute {
        case .subject:
            self.text = text
            isWildcard = false
        case .uri:
            isWildcard = text.hasSuffix("*")
            self.text = isWildcard ? String(text.dropLast()) : text
            // A scheme and something behind it, so that a pattern never means "any URI".
            guard let colon = self.text.utf8.firstIndex(of: UInt8(ascii: ":")),
                self.text.utf8.index(after: colon) < self.text.utf8.endIndex
            else { throw .certificateURIInvalid }
            guard !self.text.contains("*") else { throw .certificateWildcard }
        case .dns:
            let pattern: HostPattern
            do throws(PatternError) { pattern = try HostPattern(text) } catch {
                throw text.contains("*") ? .certificateWildcard : error
            }
            guard !pattern.text.hasPrefix("[") else { throw .hostInvalid }
            isWildcard = pattern.isWildcard
            self.text = pattern.text
        case .email:
            guard let at = text.lastIndex(of: "@"), at > text.startIndex,
                text.index(after: at) < text.endIndex, !text.contains("*")
            else { throw .certificateEmailInvalid }
            isWildcard = false
            self.text = text[...at] + text[text.index(after: at)...].lowercased()
        case .sha256:
            isWildcard = false
            self.text = text.lowercased()
            guard CertificatePattern.digest(self.text) != nil else {
                throw .certificateDigestInvalid
            }
        }
    }

    /// The pattern for people, such as `uri spiffe://example.com/*`.
    public var description: String {
        let value = !isWildcard ? text : attribute == .uri ? text + "*" : "*" + text
        return "\(attribute) \(value)"
    }

    /// The digest that 64 hexadecimal digits stand for.
    static func digest(_ text: String) -> Digest256? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for offset in stride(from: 0, to: 64, by: 2) {
            guard let high = digits[offset].hexValue, let low = digits[offset + 1].hexValue else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return Digest256(bytes.span)
    }
}

/// A pattern in the form that certificates are compared with: its text as bytes.
struct CompiledCertificatePattern: Sendable {
    let attribute: CertificatePattern.Attribute
    let isWildcard: Bool
    let text: [UInt8]
    let digest: Digest256?

    init(_ pattern: CertificatePattern) {
        attribute = pattern.attribute
        isWildcard = pattern.isWildcard
        text = Array(pattern.text.utf8)
        digest = pattern.attribute == .sha256 ? CertificatePattern.digest(pattern.text) : nil
    }

    /// Whether the certificate's `attribute` of this `value` is one that the pattern means.
    func matches(_ attribute: CertificateAttribute, _ value: Span<UInt8>) -> Bool {
        // A control byte is in no name that an operator means, whoever certified it; what stands
        // for a `*` could hide one.
        guard value.firstControl(from: 0) == value.count else { return false }
        switch (self.attribute, attribute) {
        case (.subject, .subject):
            return value.equals(text.span)
        case (.uri, .uri):
            guard isWildcard else { return value.equals(text.span) }
            return value.count > text.count
                && value.extracting(first: text.count).equals(text.span)
        case (.dns, .dns):
            guard isWildcard else { return value.equalsFolded(text.span) }
            return value.count > text.count
                && value.extracting(last: text.count).equalsFolded(text.span)
        case (.email, .email):
            guard value.count == text.count,
                let at = text.lastIndex(of: UInt8(ascii: "@"))
            else { return false }
            let pattern = text.span
            return value.extracting(first: at).equals(pattern.extracting(first: at))
                && value.extracting(last: text.count - at)
                    .equalsFolded(pattern.extracting(last: text.count - at))
        default:
            return false
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether these bytes equal `other`, which is in lower case, letter case of ASCII aside.
    fileprivate func equalsFolded(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for offset in 0..<count where self[offset].asciiLowercased != other[offset] {
            return false
        }
        return true
    }
}
