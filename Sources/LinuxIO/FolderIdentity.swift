import CLinux
import Glibc

/// Which folder it is on this machine: the same while it is not copied.
public struct FolderIdentity: Sendable, Equatable {
    /// Number of its device.
    public let device: UInt64
    /// Number of its inode.
    public let inode: UInt64

    /// The machine's id (machine-id(5)); empty where it has none.
    public static func machine() -> [UInt8] {
        (try? FileReading.read("/etc/machine-id", limitBytes: 64))?.bytes ?? []
    }
}

/// A small file that somebody else may have written, and what the kernel says of it.
public struct ForeignFile: Sendable, Equatable {
    /// Its bytes.
    public let bytes: [UInt8]
    /// Its owner.
    public let user: UInt32
    /// Its group.
    public let group: UInt32
    /// When it was written last, by its owner's word: microseconds since 1970.
    public let microseconds: Int64
}

extension DurableDirectory {
    /// Which folder this is.
    public borrowing func identity() throws(SystemError) -> FolderIdentity {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(descriptor.number, &status) == 0 else {
            throw SystemError.current("fstat")
        }
        return FolderIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Makes the folder `name`, in which the folder's group may create files, but not touch those
    /// of others.
    public borrowing func makeSharedFolder(_ name: String) throws(SystemError) {
        try makeFolders(name)
        let inner = try folder(name)
        guard fchmod(inner.descriptor.number, 0o1770) == 0 else {
            throw SystemError.current("fchmod")
        }
    }

    /// The first `limitBytes` of the regular file `name`, which may be anything else as well.
    ///
    /// - Returns: Nil for what is no regular file, or can't be opened.
    public borrowing func readForeign(
        _ name: String, limitBytes: Int
    ) throws(SystemError) -> ForeignFile? {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        // Safe: the path is only read, for the length of the call.
        let number = unsafe sallyport_openat(descriptor.number, name, flags, 0)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(number, &status) == 0 else { throw SystemError.current("fstat") }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return ForeignFile(
            bytes: try file.read(at: 0, count: limitBytes), user: status.st_uid,
            group: status.st_gid,
            microseconds: Int64(status.st_mtim.tv_sec) * 1_000_000
                + Int64(status.st_mtim.tv_nsec) / 1000)
    }
}
