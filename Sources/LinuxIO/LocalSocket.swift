import CLinux
import Glibc
import Primitives

/// Who is at the other end of a local connection, as the kernel knows it (`SO_PEERCRED`).
public struct LocalPeer: Sendable, Equatable {
    /// Effective user of the process when it connected.
    public var user: UInt32
    /// Its effective group.
    public var group: UInt32
    /// Its number.
    public var process: Int32

    /// A peer of these numbers.
    public init(user: UInt32, group: UInt32, process: Int32) {
        self.user = user
        self.group = group
        self.process = process
    }

    /// The peer of the connected socket `descriptor`.
    init(of descriptor: borrowing Descriptor) throws(SystemError) {
        var (user, group, process) = (UInt32(0), UInt32(0), Int32(0))
        // Safe: the three variables are written to.
        let result = unsafe sallyport_local_peer(descriptor.number, &user, &group, &process)
        guard result == 0 else { throw SystemError.current("getsockopt") }
        self.init(user: user, group: group, process: process)
    }

    /// The user that this process runs as.
    public static var ownUser: UInt32 { geteuid() }
    /// The group that this process runs as.
    public static var ownGroup: UInt32 { getegid() }
    /// This process's number.
    public static var ownProcess: Int32 { getpid() }
}

/// A listening Unix socket (unix(7)).
public struct LocalListener: ~Copyable, Sendable {
    /// What a poller watches.
    public let descriptor: Descriptor
    /// Connections that may wait in the kernel.
    private static let backlog: CInt = 16

    private init(owning number: CInt) throws(SystemError) {
        guard number >= 0 else { throw SystemError.current("bind") }
        descriptor = Descriptor(owning: number)
    }

    /// Listens at `path`; a socket that nobody listens at any more is replaced.
    ///
    /// - Parameters:
    ///   - mode: Who may connect.
    ///   - group: The socket's group; nil leaves the process's.
    /// - Throws: `EADDRINUSE` when somebody listens there, or it is something else.
    public init(path: String, mode: UInt32, group: UInt32? = nil) throws(SystemError) {
        let owner = group ?? UInt32.max
        // Safe: the path is only read, for the length of the call.
        try self.init(
            owning: unsafe sallyport_local_listen(-1, path, mode, owner, LocalListener.backlog))
    }

    /// Listens at `name` in `folder`, however long the folder's path is.
    public init(
        in folder: borrowing DurableDirectory, name: String, mode: UInt32
    ) throws(SystemError) {
        // Safe: as above.
        try self.init(
            owning: unsafe sallyport_local_listen(
                folder.descriptor.number, name, mode, UInt32.max, LocalListener.backlog))
    }

    /// Has `poller` tell of waiting connections under `tag`.
    public borrowing func watch(
        with poller: borrowing Poller, tag: UInt64
    ) throws(SystemError) {
        try poller.addSource(descriptor, tag: tag)
    }

    /// Takes one waiting connection; nil when there is none.
    public borrowing func accept() throws(SystemError) -> LocalStream? {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            // Safe: the kernel fills at most `length` bytes of the storage.
            let number = unsafe sallyport_accept(descriptor.number, &storage, &length)
            if number >= 0 { return try LocalStream(Descriptor(owning: number)) }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return nil
            default: throw SystemError.current("accept4")
            }
        }
    }
}

/// A connected Unix socket, for one line each way.
public struct LocalStream: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// Who is at the other end.
    public let peer: LocalPeer

    fileprivate init(_ descriptor: consuming Descriptor) throws(SystemError) {
        peer = try LocalPeer(of: descriptor)
        self.descriptor = descriptor
    }

    /// Connects to the socket at `path`.
    public static func connect(path: String) throws(SystemError) -> LocalStream {
        // Safe: the path is only read, for the length of the call.
        let number = unsafe sallyport_local_connect(-1, path)
        guard number >= 0 else { throw SystemError.current("connect") }
        return try LocalStream(Descriptor(owning: number))
    }

    /// Connects to the socket `name` in `folder`.
    public static func connect(
        in folder: borrowing DurableDirectory, name: String
    ) throws(SystemError) -> LocalStream {
        // Safe: as above.
        let number = unsafe sallyport_local_connect(folder.descriptor.number, name)
        guard number >= 0 else { throw SystemError.current("connect") }
        return try LocalStream(Descriptor(owning: number))
    }

    /// The next line, without its line feed; nil when the peer ended before one.
    ///
    /// - Throws: `ETIMEDOUT` at the deadline, `EMSGSIZE` past the limit.
    public borrowing func readLine(
        limitBytes: Int, until deadline: Instant
    ) throws(SystemError) -> [UInt8]? {
        var line: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            // Safe: the kernel fills at most the array.
            let result = unsafe piece.withUnsafeMutableBytes {
                unsafe Descriptor.receive(from: descriptor.number, into: $0)
            }
            switch result {
            case .transferred(let count):
                if let end = piece[..<count].firstIndex(of: UInt8(ascii: "\n")) {
                    guard line.count + end <= limitBytes else {
                        throw SystemError("recv", EMSGSIZE)
                    }
                    return line + piece[..<end]
                }
                line += piece[..<count]
                guard line.count <= limitBytes else { throw SystemError("recv", EMSGSIZE) }
            case .endOfStream: return nil
            case .wouldBlock: try wait(CShort(POLLIN), until: deadline)
            case .failed(let code): throw SystemError("recv", code)
            }
        }
    }

    /// Writes `line` and a line feed.
    ///
    /// - Throws: `ETIMEDOUT` at the deadline.
    public borrowing func writeLine(
        _ line: [UInt8], until deadline: Instant
    ) throws(SystemError) {
        var rest = (line + [UInt8(ascii: "\n")])[...]
        while !rest.isEmpty {
            let bytes = Array(rest)
            switch descriptor.send(bytes.span) {
            case .transferred(let count): rest = rest.dropFirst(count)
            case .wouldBlock: try wait(CShort(POLLOUT), until: deadline)
            case .endOfStream: throw SystemError("send", EPIPE)
            case .failed(let code): throw SystemError("send", code)
            }
        }
    }

    private borrowing func wait(
        _ events: CShort, until deadline: Instant
    ) throws(SystemError) {
        let now = SystemClock.monotonic()
        guard now < deadline else { throw SystemError("poll", ETIMEDOUT) }
        let milliseconds = deadline.nanoseconds(since: now) / 1_000_000 + 1
        var entry = pollfd(fd: descriptor.number, events: events, revents: 0)
        // Safe: the kernel writes to the one entry.
        let result = unsafe poll(&entry, 1, CInt(clamping: milliseconds))
        if result < 0, errno != EINTR { throw SystemError.current("poll") }
    }
}
