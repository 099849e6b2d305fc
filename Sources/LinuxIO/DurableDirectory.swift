import CLinux
import Glibc
import Primitives

/// How full a file system is.
public struct DiskUse: Sendable, Equatable {
    /// Bytes that files take.
    public let usedBytes: UInt64
    /// Bytes that this process may still take, or could if it were not root.
    public let freeBytes: UInt64

    /// A file system of these numbers.
    public init(usedBytes: UInt64, freeBytes: UInt64) {
        self.usedBytes = usedBytes
        self.freeBytes = freeBytes
    }

    /// The same without so many bytes that whoever asks may use at any time.
    public func without(_ ownBytes: UInt64) -> DiskUse {
        let bytes = min(ownBytes, usedBytes)
        return DiskUse(usedBytes: usedBytes - bytes, freeBytes: freeBytes + bytes)
    }

    /// The used part of what can be used, in percent, rounded up as `df` does.
    public var percent: Int {
        let whole = usedBytes + freeBytes
        guard whole > 0 else { return 100 }
        return Int((Double(usedBytes) * 100 / Double(whole)).rounded(.up))
    }
}

/// A folder in which files are created, replaced and renamed durably.
///
/// A new name is durable after the folder's own `fsync(2)`, not before. Replacing a file is: write
/// `name.tmp`, `fsync` it, `rename(2)` it over the name, `sync` the folder.
public struct DurableDirectory: ~Copyable, Sendable {
    let descriptor: Descriptor
    /// Ending of the name of a file that is being written.
    public static let temporaryEnding = ".tmp"
    private static let fileMode: UInt32 = 0o640
    private static let folderMode: mode_t = 0o750
    private static let secretFileMode: UInt32 = 0o600
    private static let secretFolderMode: mode_t = 0o700

    private init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Opens the folder at `path`.
    public init(path: String) throws(SystemError) {
        // Safe: the path is only read, for the length of the call.
        let number = unsafe sallyport_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError.current("open") }
        descriptor = Descriptor(owning: number)
    }

    /// Opens the folder at `path`, which is made with the folders above it where missing.
    public static func create(path: String) throws(SystemError) -> DurableDirectory {
        let root = try DurableDirectory(path: path.hasPrefix("/") ? "/" : ".")
        let relative = String(path.drop(while: { $0 == "/" }))
        return relative.isEmpty ? root : try root.folder(relative, create: true)
    }

    /// The folder and the name of a path.
    public static func split(_ path: String) -> (folder: String, name: String) {
        var pieces = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = String(pieces.popLast() ?? "")
        let folder = pieces.isEmpty ? "." : pieces == [""] ? "/" : pieces.joined(separator: "/")
        return (folder, name)
    }

    /// Opens the folder `name` in this one; with `create`, it and those above it are made durable.
    public borrowing func folder(
        _ name: String, create: Bool = false
    ) throws(SystemError) -> DurableDirectory {
        if create { try makeFolders(name) }
        let number = unsafe sallyport_openat(
            descriptor.number, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError.current("openat") }
        return DurableDirectory(Descriptor(owning: number))
    }

    /// Makes the folders that `path` names, where missing, and syncs each one's parent.
    public borrowing func makeFolders(_ path: String) throws(SystemError) {
        var prefix = ""
        for piece in path.split(separator: "/") {
            let parent = prefix.isEmpty ? "." : prefix
            prefix = prefix.isEmpty ? String(piece) : "\(prefix)/\(piece)"
            // Safe: the path is only read, for the length of the call.
            if unsafe mkdirat(descriptor.number, prefix, DurableDirectory.folderMode) == 0 {
                let number = unsafe sallyport_openat(
                    descriptor.number, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
                guard number >= 0 else { throw SystemError.current("openat") }
                try DurableDirectory(Descriptor(owning: number)).sync()
            } else if errno != EEXIST {
                throw SystemError.current("mkdirat")
            }
        }
    }

    /// Opens the folder `name` in this one, which only its owner may look into; it is made durable
    /// when missing.
    ///
    /// - Throws: `EACCES` when the folder is another user's, or open to others.
    public borrowing func secretFolder(_ name: String) throws(SystemError) -> DurableDirectory {
        // Safe: the path is only read, for the length of the call.
        if unsafe mkdirat(descriptor.number, name, DurableDirectory.secretFolderMode) == 0 {
            try sync()
        } else if errno != EEXIST {
            throw SystemError.current("mkdirat")
        }
        let number = unsafe sallyport_openat(
            descriptor.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError.current("openat") }
        let folder = DurableDirectory(Descriptor(owning: number))
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(number, &status) == 0 else { throw SystemError.current("fstat") }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
            throw SystemError("openat", EACCES)
        }
        return folder
    }

    /// Creates the file `name`, which must not exist, for writing.
    public borrowing func createFile(_ name: String) throws(SystemError) -> DurableFile {
        try open(name, O_RDWR | O_CREAT | O_EXCL)
    }

    /// Creates the file `name`, which must not exist and only its owner may read, for writing.
    public borrowing func createSecretFile(_ name: String) throws(SystemError) -> DurableFile {
        try open(name, O_RDWR | O_CREAT | O_EXCL, mode: DurableDirectory.secretFileMode)
    }

    /// Opens the file `name` for reading and writing; with `create`, it is made when missing.
    public borrowing func openFile(
        _ name: String, create: Bool = false
    ) throws(SystemError) -> DurableFile {
        try open(name, create ? O_RDWR | O_CREAT : O_RDWR)
    }

    /// The bytes of the file `name`; nil when there is none.
    public borrowing func read(_ name: String) throws(SystemError) -> [UInt8]? {
        do {
            // A pipe in the place of a file must not keep its reader waiting.
            let file = try open(name, O_RDONLY | O_NONBLOCK)
            return try file.contents()
        } catch  where error.code == ENOENT {
            return nil
        }
    }

    /// Writes `bytes` as the temporary version of `name` and, with `sync`, makes it durable.
    public borrowing func stage(
        _ name: String, _ bytes: Span<UInt8>, sync: Bool
    ) throws(SystemError) {
        let file = try open(
            name + DurableDirectory.temporaryEnding, O_RDWR | O_CREAT | O_TRUNC)
        try file.write(bytes, at: 0)
        if sync { try file.sync() }
    }

    /// Puts the staged version of `name` in its place.
    public borrowing func commit(_ name: String) throws(SystemError) {
        try rename(name + DurableDirectory.temporaryEnding, to: name)
    }

    /// Gives the file `name` these bytes, all or nothing, durably.
    public borrowing func replace(_ name: String, _ bytes: Span<UInt8>) throws(SystemError) {
        try stage(name, bytes, sync: true)
        try commit(name)
        try sync()
    }

    /// Renames a file or folder of this folder.
    public borrowing func rename(_ name: String, to other: String) throws(SystemError) {
        // Safe: both paths are only read, for the length of the call.
        let result = unsafe renameat(descriptor.number, name, descriptor.number, other)
        guard result == 0 else { throw SystemError.current("renameat") }
    }

    /// Moves a file of this folder into another one of the same file system.
    public borrowing func move(
        _ name: String, to other: String, in folder: borrowing DurableDirectory
    ) throws(SystemError) {
        // Safe: both paths are only read, for the length of the call.
        let result = unsafe renameat(
            descriptor.number, name, folder.descriptor.number, other)
        guard result == 0 else { throw SystemError.current("renameat") }
    }

    /// Removes the file `name`; one that is not there is no error.
    public borrowing func remove(_ name: String) throws(SystemError) {
        guard unsafe unlinkat(descriptor.number, name, 0) == 0 || errno == ENOENT else {
            throw SystemError.current("unlinkat")
        }
    }

    /// Removes the folder `name` and the files in it; folders in it are an error.
    public borrowing func removeFolder(_ name: String) throws(SystemError) {
        do {
            let inner = try folder(name)
            for entry in try inner.names() { try inner.remove(entry.name) }
        } catch  where error.code == ENOENT {
            return
        }
        guard unsafe unlinkat(descriptor.number, name, CInt(AT_REMOVEDIR)) == 0 else {
            throw SystemError.current("unlinkat")
        }
    }

    /// Makes names that were created, renamed or removed in this folder durable.
    public borrowing func sync() throws(SystemError) {
        guard fsync(descriptor.number) == 0 else { throw SystemError.current("fsync") }
    }

    /// Makes everything written to the folder's file system durable: one call for many files.
    public borrowing func syncFileSystem() throws(SystemError) {
        guard sallyport_sync_filesystem(descriptor.number) == 0 else {
            throw SystemError.current("syncfs")
        }
    }

    /// Which file `name` leads to; nil when there is none.
    public borrowing func identity(of name: String) throws(SystemError) -> FileIdentity? {
        var status = stat()
        // Safe: the path is only read, and the kernel fills the one structure.
        let result = unsafe fstatat(descriptor.number, name, &status, CInt(AT_SYMLINK_NOFOLLOW))
        if result == 0 { return FileIdentity(status) }
        guard errno == ENOENT || errno == ENOTDIR else { throw SystemError.current("fstatat") }
        return nil
    }

    /// Whether the folder was removed: it is open, and nothing can be made in it.
    public borrowing func isRemoved() throws(SystemError) -> Bool {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(descriptor.number, &status) == 0 else {
            throw SystemError.current("fstat")
        }
        return status.st_nlink == 0
    }

    /// How full the folder's file system is.
    public borrowing func diskUse() throws(SystemError) -> DiskUse {
        var status = statvfs()
        // Safe: the kernel fills the one structure.
        guard unsafe fstatvfs(descriptor.number, &status) == 0 else {
            throw SystemError.current("fstatvfs")
        }
        let block = UInt64(status.f_frsize)
        return DiskUse(
            usedBytes: (UInt64(status.f_blocks) - UInt64(status.f_bfree)) * block,
            freeBytes: UInt64(status.f_bavail) * block)
    }

    /// Claims the folder for this process until it ends; false when another one has it.
    public borrowing func claim() throws(SystemError) -> Bool {
        if flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw SystemError.current("flock") }
        return false
    }

    /// Whether a process has claimed the folder; asking claims nothing.
    public borrowing func isClaimed() throws(SystemError) -> Bool {
        if flock(descriptor.number, LOCK_SH | LOCK_NB) == 0 {
            _ = flock(descriptor.number, LOCK_UN)
            return false
        }
        guard errno == EWOULDBLOCK else { throw SystemError.current("flock") }
        return true
    }

    /// The names in this folder, sorted, without `.` and `..`.
    public borrowing func names() throws(SystemError) -> [(name: String, isFolder: Bool)] {
        let number = unsafe sallyport_openat(
            descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError.current("openat") }
        // Safe: fdopendir takes the number over, and closedir closes it.
        guard let stream = unsafe fdopendir(number) else {
            _ = close(number)
            throw SystemError.current("fdopendir")
        }
        defer { unsafe closedir(stream) }
        var names: [(name: String, isFolder: Bool)] = []
        while let entry = unsafe readdir(stream) {
            // Safe: the kernel ends the name with a zero; it is copied before the next call.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name == "." || name == ".." { continue }
            names.append((name, isFolder(name)))
        }
        return names.sorted { $0.name < $1.name }
    }

    /// The names in the folder `name`, sorted; none when there is no such folder.
    public borrowing func names(
        in name: String
    ) throws(SystemError) -> [(name: String, isFolder: Bool)] {
        do {
            return try folder(name).names()
        } catch {
            guard error.code == ENOENT else { throw error }
            return []
        }
    }

    private borrowing func isFolder(_ name: String) -> Bool {
        var status = stat()
        // Safe: the kernel fills the one structure.
        let result = unsafe fstatat(descriptor.number, name, &status, CInt(AT_SYMLINK_NOFOLLOW))
        return result == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private borrowing func open(
        _ name: String, _ flags: CInt, mode: UInt32 = fileMode
    ) throws(SystemError) -> DurableFile {
        // Safe: the path is only read, for the length of the call.
        let number = unsafe sallyport_openat(descriptor.number, name, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw SystemError.current("openat") }
        return DurableFile(Descriptor(owning: number))
    }
}
