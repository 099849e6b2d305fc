/// What a verified certificate says, as attributes: TLS writes them, policies and records read.
///
/// | bytes | what |
/// |---|---|
/// | 1 | `CertificateAttribute.rawValue` |
/// | 2 | length, big-endian |
/// | length | the value's bytes, as the certificate has them |
///
/// The format never leaves the process.
public enum CertificateAttribute: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The subject's distinguished name, in the form of RFC 4514.
    case subject = 1
    /// The issuer's distinguished name, in the form of RFC 4514.
    case issuer
    /// A subject alternative name that is a URI, such as a SPIFFE id.
    case uri
    /// A subject alternative name that is a DNS name.
    case dns
    /// A subject alternative name that is a mail address.
    case email
    /// A subject alternative name that is an IP address, as text.
    case address
}

/// One attribute of a certificate: what it is, and where its value lies.
public struct CertificateDetail: Sendable, Equatable, BitwiseCopyable {
    /// What the value is.
    public let attribute: CertificateAttribute
    /// Where it lies in the bytes read.
    public let value: ByteRange
}

extension ByteWriter {
    /// Appends one attribute; nothing, and false, when it has no room or is longer than 65535 bytes.
    public mutating func appendCertificateDetail(
        _ attribute: CertificateAttribute, _ value: Span<UInt8>
    ) -> Bool {
        guard value.count <= Int(UInt16.max), room >= value.count + 3 else { return false }
        append(attribute.rawValue)
        append(UInt8(truncatingIfNeeded: value.count >> 8))
        append(UInt8(truncatingIfNeeded: value.count))
        append(value)
        return true
    }
}

extension Span where Element == UInt8 {
    /// The attribute at `offset`, which is moved behind it; nil at the end.
    public func nextCertificateDetail(_ offset: inout Int) -> CertificateDetail? {
        guard offset + 3 <= count, let attribute = CertificateAttribute(rawValue: self[offset])
        else { return nil }
        let length = Int(self[offset + 1]) << 8 | Int(self[offset + 2])
        let start = offset + 3
        guard start + length <= count else { return nil }
        offset = start + length
        return CertificateDetail(
            attribute: attribute, value: ByteRange(start: start, count: length))
    }
}
