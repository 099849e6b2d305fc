import Primitives

/// Who a verified client certificate says that its holder is.
public enum ClientCertificateIdentity {
    /// Where the name lies in `details`: the first URI among the subject alternative names, else
    /// the first DNS name, else the subject's distinguished name.
    ///
    /// The order is that of SPIFFE (X.509-SVID §2), whose certificates have exactly one URI and may
    /// have DNS names beside it.
    ///
    /// - Parameter details: What the certificate says, as `CertificateAttribute`s.
    /// - Returns: An empty range when the certificate has no such name, one with a control byte in
    ///   it, or one that was left out (an empty value): such a certificate identifies nobody.
    public static func principalName(_ details: Span<UInt8>) -> ByteRange {
        var name: CertificateDetail?
        var offset = 0
        while let detail = details.nextCertificateDetail(&offset) {
            guard let rank = rank(detail.attribute) else { continue }
            if let other = name, let best = self.rank(other.attribute) {
                // One that was left out could have been the first of its kind.
                guard rank < best || (rank == best && detail.value.isEmpty) else { continue }
            }
            name = detail
        }
        guard let name else { return .empty }
        let text = details.extracting(name.value)
        return text.firstControl(from: 0) == text.count ? name.value : .empty
    }

    /// The lower, the better.
    private static func rank(_ attribute: CertificateAttribute) -> Int? {
        switch attribute {
        case .uri: 0
        case .dns: 1
        case .subject: 2
        case .issuer, .email, .address: nil
        }
    }
}
