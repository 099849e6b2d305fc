import Glibc

/// What a failed call says about a disk.
public enum DiskProblem: Sendable {
    /// No room, or none that this process may use (ENOSPC, EDQUOT, EFBIG).
    case noRoom
    /// It can only be read, by anybody or by this process (EROFS, EACCES, EPERM).
    case readOnly
    /// A file or folder is not there (ENOENT, ENOTDIR, ESTALE).
    case missing
    /// Anything else: EIO above all.
    case other
}

/// A system call that failed: which one, and the kernel's number for why.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system call's name, as its manual page spells it.
    public let operation: StaticString
    /// The `errno` value.
    public let code: CInt

    /// The failure of `operation` with the `errno` value `code`.
    public init(_ operation: StaticString, _ code: CInt) {
        self.operation = operation
        self.code = code
    }

    /// The failure of `operation` with the calling thread's current `errno`.
    static func current(_ operation: StaticString) -> SystemError {
        SystemError(operation, errno)
    }

    /// The failure of `operation` on a file that is not there.
    public static func missingFile(_ operation: StaticString) -> SystemError {
        SystemError(operation, ENOENT)
    }

    /// Whether a file is not there, or not any more.
    public var isMissingFile: Bool { code == ENOENT }

    /// The refusal of `operation` for want of room.
    public static func outOfRoom(_ operation: StaticString) -> SystemError {
        SystemError(operation, ENOSPC)
    }

    /// Whether room on the file system, or in a quota, would have made the call succeed.
    public var isOutOfRoom: Bool { code == ENOSPC || code == EDQUOT }

    /// What it says about the disk that the call was about.
    public var diskProblem: DiskProblem {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: .noRoom
        case EROFS, EACCES, EPERM: .readOnly
        case ENOENT, ENOTDIR, ESTALE: .missing
        default: .other
        }
    }

    /// Whether nobody listens at an address that there is.
    public var isRefused: Bool { code == ECONNREFUSED }

    /// Whether the same call failed for the same reason.
    public static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code && left.operation.description == right.operation.description
    }

    /// `operation: the kernel's words (number)`.
    public var description: String {
        // Safe: strerror answers with a C string that lives until the thread's next call.
        let words = unsafe String(cString: strerror(code))
        return "\(operation): \(words.lowercased()) (errno \(code))"
    }
}
