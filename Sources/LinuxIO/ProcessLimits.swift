import CLinux
import Glibc

/// What a process may do, set once at its start.
public enum ProcessLimits {
    /// Raises the number of descriptors to all that the process may have; answers how many.
    public static func raiseDescriptors() throws(SystemError) -> UInt64 {
        var limit = rlimit()
        // Safe: the kernel fills the one structure, then reads it.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw SystemError.current("getrlimit")
        }
        limit.rlim_cur = limit.rlim_max
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw SystemError.current("setrlimit")
        }
        return UInt64(limit.rlim_cur)
    }

    /// How many descriptors the process may have open; their numbers lie below this.
    public static func descriptors() -> Int {
        var limit = rlimit()
        // Safe: the kernel fills the one structure.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return Int(CInt.max)
        }
        return Int(clamping: min(UInt64(limit.rlim_cur), UInt64(CInt.max)))
    }

    /// How many bytes of memory the process may lock; nil for as many as there are.
    public static func lockableBytes() -> Int? {
        var limit = rlimit()
        // Safe: the kernel fills the one structure.
        guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else {
            return 0
        }
        return Int(exactly: limit.rlim_cur)
    }

    /// Keeps the process's memory, which holds keys, out of core dumps and debuggers.
    public static func refuseCoreDumps() throws(SystemError) {
        guard sallyport_refuse_dumps() == 0 else { throw SystemError.current("prctl") }
    }

    /// The name of this host.
    public static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        // Safe: at most so many bytes are written; the last stays zero.
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
        let end = name.firstIndex(of: 0) ?? name.endIndex
        return String(decoding: name[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
