import CLinux
import Glibc
import Primitives

/// A file that is only read, a piece at a time: another's log, or one that still grows.
public struct ReadableFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Opens the file at `path`.
    public init(path: String) throws(SystemError) {
        // Safe: the path is only read, for the length of the call.
        // A pipe in the place of a file must not keep its reader waiting.
        let number = unsafe sallyport_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError.current("open") }
        descriptor = Descriptor(owning: number)
    }

    /// Bytes in the file now.
    public borrowing func size() throws(SystemError) -> UInt64 {
        try descriptor.fileSize()
    }

    /// The `count` bytes at `offset`; fewer where the file ends before.
    public borrowing func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        try descriptor.read(at: offset, count: count)
    }
}

// Both kinds of files read alike.
extension Descriptor {
    /// Bytes in the file.
    borrowing func fileSize() throws(SystemError) -> UInt64 {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(number, &status) == 0 else {
            throw SystemError.current("fstat")
        }
        return UInt64(status.st_size)
    }

    /// The `count` bytes at `offset`; fewer where the file ends before.
    borrowing func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        precondition(count >= 0)
        var failure: SystemError?
        // Safe: at most as many bytes are read as the array has; all it calls filled are.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            while filled < count {
                let result = unsafe pread(
                    number, memory.baseAddress?.advanced(by: filled), count - filled,
                    off_t(offset) + off_t(filled))
                if result == 0 { break }
                if result > 0 {
                    filled += result
                } else if errno != EINTR {
                    failure = SystemError.current("pread")
                    break
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
