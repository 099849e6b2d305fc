import LinuxIO

/// Why a thread that tells others what the log says can't be started.
public enum PublishingError: Error, Equatable, Sendable {
    /// A system call failed.
    case system(SystemError)
    /// OpenSSL failed, or a witness's key is none.
    case cryptography
    /// libcurl could not be set up.
    case webClient
}
