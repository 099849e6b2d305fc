import CLinux
import Glibc

/// A regular file that was opened to be read once, into memory of the caller's: for what must not
/// be copied through any other.
public struct OpenedFile: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// What the kernel says about what was opened.
    public let status: FileStatus

    /// Opens the file at `path`.
    public init(path: String) throws(SystemError) {
        // Safe: the path is a C string for the length of the call.
        let number = unsafe sallyport_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
        guard number >= 0 else { throw .current("open") }
        let file = Descriptor(owning: number)
        var raw = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(file.number, &raw) == 0 else { throw .current("fstat") }
        guard raw.st_mode & S_IFMT == S_IFREG else { throw SystemError("open", EISDIR) }
        status = FileStatus(
            permissions: UInt32(raw.st_mode) & 0o7777, byteCount: Int64(raw.st_size),
            isRegular: true)
        descriptor = file
    }

    /// Appends what follows in the file, until it ends or `output` is full.
    public borrowing func read(into output: inout OutputSpan<UInt8>) throws(SystemError) {
        var failure: CInt = 0
        // Safe: the kernel fills at most the free memory, and `filled` counts what it filled.
        unsafe output.withUnsafeMutableBufferPointer { memory, filled in
            while filled < memory.count {
                let count = unsafe Glibc.read(
                    descriptor.number, memory.baseAddress?.advanced(by: filled),
                    memory.count - filled)
                if count == 0 { return }
                if count > 0 {
                    filled += count
                } else if errno != EINTR {
                    failure = errno
                    return
                }
            }
        }
        guard failure == 0 else { throw SystemError("read", failure) }
    }
}
