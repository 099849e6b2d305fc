import CLinux
import Glibc

/// What the kernel says about the machine at a start.
public enum MachineState {
    /// Bytes that this process may still write on the file system of `path`, or of the nearest
    /// folder above it that exists; nil when the kernel does not tell.
    public static func freeBytes(at path: String) -> UInt64? {
        var path = path
        while !path.isEmpty {
            var status = statvfs()
            // Safe: the kernel fills the one structure; the path is only read.
            if unsafe statvfs(path, &status) == 0 {
                return UInt64(status.f_bavail) * UInt64(status.f_frsize)
            }
            guard errno == ENOENT, let slash = path.lastIndex(of: "/"), path != "/" else {
                return nil
            }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        return nil
    }

    /// Whether something keeps the clock right (adjtimex(2)); true when the kernel does not tell.
    public static func isClockSynchronised() -> Bool {
        sallyport_clock_is_synchronised() != 0
    }
}

extension ProcessLimits {
    /// Processor time that the process has used, all threads together, in nanoseconds.
    public static func processorNanoseconds() -> UInt64 {
        var time = timespec()
        // Safe: the kernel fills the one structure. It cannot fail for this clock.
        guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension StandardStream {
    /// `device:inode` of what it leads to, as systemd's `JOURNAL_STREAM` has it; nil when closed.
    public var identity: String? {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(rawValue, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }
}
