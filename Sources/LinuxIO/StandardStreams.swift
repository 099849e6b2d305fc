import Glibc

/// The process's own output, for command-line tools.
public enum StandardStream: Sendable {
    case output
    case error

    private var number: CInt {
        switch self {
        case .output: STDOUT_FILENO
        case .error: STDERR_FILENO
        }
    }

    /// Whether a person is likely to be reading.
    public var isTerminal: Bool { isatty(number) == 1 }

    /// Writes `text` and a line feed; a closed stream is no error.
    public func writeLine(_ text: String) {
        let bytes = Array(text.utf8) + [0x0A]
        var offset = 0
        while offset < bytes.count {
            // Safe: the memory read lies inside the array.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count > 0 {
                offset += count
            } else if errno != EINTR {
                return
            }
        }
    }
}
