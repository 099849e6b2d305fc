extension TLSError {
    /// The file that the error is about; nil when it is about none. Of a key that is not the
    /// certificate's, the key's.
    public var path: String? {
        switch self {
        case .libraryUnavailable, .algorithmUnavailable, .outOfMemory, .settingRefused,
            .certificatesMissing, .filesIncomplete, .clientAuthoritiesUnnamed,
            .systemAuthoritiesUnavailable, .hostInvalid:
            nil
        case .certificateMissing(let path), .certificateMalformed(let path),
            .certificateKeyUnsuitable(let path), .certificateRefused(let path),
            .keyMissing(let path), .keyMalformed(let path), .keyEncrypted(let path),
            .keyMismatch(_, let path), .authoritiesMissing(let path),
            .authoritiesMalformed(let path), .revocationsMissing(let path),
            .revocationsMalformed(let path), .ocspMalformed(let path),
            .ocspUnsuccessful(let path, _), .ocspOfOtherCertificate(let path),
            .ocspSignatureInvalid(let path), .ocspRevoked(let path):
            path
        }
    }
}
