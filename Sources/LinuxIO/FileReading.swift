import CLinux
import Glibc

/// What the kernel says about a file, without opening it for writing.
public struct FileStatus: Sendable, Equatable {
    /// Permission bits: the low twelve bits of `st_mode`.
    public let permissions: UInt32
    /// Size in bytes.
    public let byteCount: Int64
    /// Whether it is a regular file.
    public let isRegular: Bool

    /// A status of these values.
    public init(permissions: UInt32, byteCount: Int64, isRegular: Bool) {
        self.permissions = permissions
        self.byteCount = byteCount
        self.isRegular = isRegular
    }
}

/// A small file, read whole at start-up. Not for the log: see `DurableFile`.
public enum FileReading {
    /// The bytes of the regular file at `path`, and its status as of the same opening.
    ///
    /// - Returns: Bytes up to `limitBytes`; one more when the file is longer than that.
    public static func read(
        _ path: String, limitBytes: Int
    ) throws(SystemError) -> (bytes: [UInt8], status: FileStatus) {
        let file = try OpenedFile(path: path)
        var bytes: [UInt8] = []
        var isAtEnd = false
        while bytes.count <= limitBytes, !isAtEnd {
            let before = bytes.count
            try bytes.append(addingCapacity: 16384) { output throws(SystemError) in
                try file.read(into: &output)
            }
            isAtEnd = bytes.count == before
        }
        bytes.removeLast(max(0, bytes.count - limitBytes - 1))
        return (bytes, file.status)
    }

    /// Writes a new file of `bytes` that only its owner may read; an existing file is an error.
    public static func create(_ path: String, bytes: [UInt8], mode: UInt32) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        // Safe: the path is a C string for the length of the call.
        let number = unsafe sallyport_open(path, flags, mode)
        guard number >= 0 else { throw .current("open") }
        let file = Descriptor(owning: number)
        // The process's umask may have taken bits away; it never adds any.
        guard fchmod(file.number, mode) == 0 else { throw .current("fchmod") }
        var offset = 0
        while offset < bytes.count {
            // Safe: the memory read lies inside the array.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(
                    file.number, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .current("write")
            }
            offset += count
        }
        guard fsync(file.number) == 0 else { throw .current("fsync") }
    }

    /// The value of the environment's `name`; nil when it is unset.
    public static func environment(_ name: String) -> String? {
        // Safe: the string that the environment holds is copied at once; nothing here changes it.
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
