import Glibc
import Primitives

/// The process's own output, for command line tools.
public enum StandardStream: CInt, Sendable {
    /// What was asked for.
    case output = 1
    /// What there is to say about it.
    case error = 2

    /// Whether a person is looking at it.
    public var isTerminal: Bool { isatty(rawValue) == 1 }

    /// Writes `text` and a line feed; a closed stream is no error.
    public func writeLine(_ text: String) {
        let bytes = Array(text.utf8) + [.lineFeed]
        write(bytes.span)
    }

    /// Writes all of `bytes`; false when nobody takes them any more.
    @discardableResult
    public func write(_ bytes: Span<UInt8>) -> Bool {
        var done = 0
        while done < bytes.count {
            let rest = bytes.extracting(droppingFirst: done)
            // Safe: the bytes are only read, for the length of the call.
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(rawValue, $0.baseAddress, $0.count)
            }
            if count > 0 {
                done += count
            } else if count < 0, errno == EINTR || errno == EAGAIN {
                continue
            } else {
                return false
            }
        }
        return true
    }
}
