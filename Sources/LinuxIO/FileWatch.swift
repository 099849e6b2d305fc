import CLinux
import Glibc

/// Tells when files change, in whatever way that is done (`inotify(7)`).
///
/// Watched are the directories of every path, and those of every symbolic link along it: so a
/// write in place, a rename over the file, certbot's links and the `..data` swap of Kubernetes are
/// all seen, and so is a file or folder that was not there before. Every change asks for `arm`,
/// because the path may lead elsewhere now. File systems that tell of nothing are what `differs`
/// is for. One thread owns a watch.
public struct FileWatch: ~Copyable, Sendable {
    /// What to wait for: readable when something happened, until `takeEvents`.
    public let source: Descriptor
    private let paths: [String]
    /// The names that matter in each watched directory, by inotify's number for it.
    private var names: [CInt: Set<String>] = [:]
    private var stamps: [FileStamp?] = []

    /// Most links that one path may lead through; the kernel follows as many.
    private static let limitLinks = 40
    /// Longest path (`PATH_MAX`).
    private static let pathBytes = 4096
    /// Events that are read at once, in bytes.
    private static let eventsBytes = 16_384
    /// Bytes before the name in an `inotify_event`.
    private static let headBytes = 16
    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB
            | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
    /// The directory itself is not where it was.
    private static let selfEvents = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

    /// A watch over `paths`, which has to be armed yet.
    public init(paths: [String]) throws(SystemError) {
        let number = inotify_init1(CInt(O_NONBLOCK | O_CLOEXEC))
        guard number >= 0 else { throw .current("inotify_init1") }
        source = Descriptor(owning: number)
        self.paths = paths
    }

    /// Watches where the paths lead now. Before the files are read, so that no change after the
    /// reading goes unseen.
    ///
    /// - Returns: Why some directory can't be watched; one that is missing is no failure.
    public mutating func arm() -> SystemError? {
        var found: [CInt: Set<String>] = [:]
        var failure: SystemError?
        for path in paths { follow(path, &found, &failure) }
        for number in names.keys where found[number] == nil {
            _ = inotify_rm_watch(source.number, number)
        }
        names = found
        stamps = paths.map { FileStamp(path: $0) }
        return failure
    }

    /// Takes all events; whether one was about the paths.
    public mutating func takeEvents() -> Bool {
        var isAbout = false
        // Safe: the kernel fills the memory with whole events, each as long as it says.
        unsafe withUnsafeTemporaryAllocation(byteCount: FileWatch.eventsBytes, alignment: 8) {
            memory in
            while true {
                let count = unsafe Glibc.read(source.number, memory.baseAddress, memory.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                var offset = 0
                while offset + FileWatch.headBytes <= count {
                    let number = unsafe memory.load(fromByteOffset: offset, as: CInt.self)
                    let mask = unsafe memory.load(fromByteOffset: offset + 4, as: UInt32.self)
                    let length = unsafe memory.load(fromByteOffset: offset + 12, as: UInt32.self)
                    offset += FileWatch.headBytes
                    let name = unsafe memory[offset..<offset + Int(length)].prefix { $0 != 0 }
                    let text = unsafe String(decoding: name, as: UTF8.self)
                    if take(number, mask, text) { isAbout = true }
                    offset += Int(length)
                }
            }
        }
        return isAbout
    }

    /// Whether a file is another than it was when the watch was armed: found by looking, for file
    /// systems that tell of nothing.
    public func differs() -> Bool {
        for (path, stamp) in zip(paths, stamps) where FileStamp(path: path) != stamp {
            return true
        }
        return false
    }

    private mutating func take(_ number: CInt, _ mask: UInt32, _ name: String) -> Bool {
        // More happened than the kernel kept.
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
        guard let wanted = names[number] else { return false }
        if mask & UInt32(IN_IGNORED) != 0 {
            names[number] = nil
            return true
        }
        return mask & FileWatch.selfEvents != 0 || wanted.contains(name)
    }

    /// Watches each directory that a name of `path` is looked up in.
    private func follow(
        _ path: String, _ found: inout [CInt: Set<String>], _ failure: inout SystemError?
    ) {
        var rest = FileWatch.parts(path)
        var directory = path.hasPrefix("/") ? "/" : "."
        var links = 0
        while let name = rest.popLast() {
            let place = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
            if name != ".." {
                watch(directory, name, &found, &failure)
                // Read behind the watch, so that no later change of the link is missed.
                if links < FileWatch.limitLinks, let target = FileWatch.target(of: place) {
                    links += 1
                    rest += FileWatch.parts(target)
                    if target.hasPrefix("/") { directory = "/" }
                    continue
                }
            }
            directory = place
        }
    }

    private func watch(
        _ directory: String, _ name: String, _ found: inout [CInt: Set<String>],
        _ failure: inout SystemError?
    ) {
        // Safe: the path is a C string for the length of the call.
        let number = unsafe inotify_add_watch(source.number, directory, FileWatch.events)
        if number >= 0 {
            found[number, default: []].insert(name)
        } else if errno != ENOENT, errno != ENOTDIR {
            failure = failure ?? .current("inotify_add_watch")
        }
    }

    /// The names of a path, the last one first.
    private static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
    }

    /// Where the symbolic link at `path` leads; nil when it is none.
    private static func target(of path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: pathBytes)
        // Safe: at most as many bytes are written as the array has; the path is a C string.
        let count = unsafe readlink(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What tells two contents of one path apart without reading them.
private struct FileStamp: Equatable, Sendable {
    let device: UInt64
    let number: UInt64
    let byteCount: Int64
    let seconds: Int
    let nanoseconds: Int
    let permissions: UInt32

    /// The stamp of what `path` leads to; nil when that is nothing.
    init?(path: String) {
        var raw = stat()
        // Safe: the path is a C string, and the kernel fills the one structure.
        guard unsafe stat(path, &raw) == 0 else { return nil }
        device = UInt64(raw.st_dev)
        number = UInt64(raw.st_ino)
        byteCount = Int64(raw.st_size)
        seconds = raw.st_mtim.tv_sec
        nanoseconds = raw.st_mtim.tv_nsec
        permissions = UInt32(raw.st_mode)
    }
}
