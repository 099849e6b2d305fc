/// What this target refuses or fails at.
public enum CryptoError: Error, Equatable, Sendable {
    /// OpenSSL could not make a context: no memory, or a broken installation.
    case libraryUnavailable
    /// No provider offers the algorithm.
    case algorithmUnavailable
    /// The bytes are not a private key in PKCS #8 PEM form.
    case privateKeyMalformed
    /// The private key is whole, but of another algorithm than Ed25519.
    case privateKeyOfOtherAlgorithm
    /// An Ed25519 seed has 32 bytes; these are not.
    case seedLengthWrong
    /// OpenSSL would not make or write the key.
    case keyUnusable
    /// OpenSSL would not sign.
    case signingFailed
    /// The text is not an age recipient, `age1…`, of an X25519 key.
    case recipientMalformed
    /// The text is not an age identity, `AGE-SECRET-KEY-1…`.
    case identityMalformed
    /// The bytes are not an age file of version 1.
    case ageFileMalformed
    /// The age file is for none of the identities.
    case ageFileForOthers
    /// The age file is not as it was written.
    case ageFileChanged
}
