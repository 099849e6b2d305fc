import Glibc

/// The streams of a command's user.
public enum Terminal {
    /// Writes `text` to standard output; a reader that has gone is no error.
    public static func standardOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes `text` to standard error.
    public static func standardError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: CInt) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            // Safe: only the bytes not yet written are read, for the length of the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(
                    descriptor, $0.baseAddress.map { unsafe $0 + written }, $0.count - written)
            }
            if count > 0 { written += count } else if errno != EINTR { return }
        }
    }
}
