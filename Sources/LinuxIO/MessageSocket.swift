import CLinux
import Glibc
import Primitives

/// What one receive of a whole message did.
public enum MessageResult: Equatable, Sendable {
    /// One message, whole.
    case message([UInt8])
    /// None waits (`EAGAIN`).
    case wouldBlock
    /// The peer has closed its end.
    case closed
    /// The message was longer than the limit, or the connection is gone.
    case failed(SystemError)
}

/// A connection between two processes of this machine on which each send arrives as one message
/// (`SOCK_SEQPACKET` of unix(7)): nothing has to be cut or put together. Non-blocking.
public struct MessageConnection: ~Copyable, Sendable {
    /// What a poller watches.
    public let descriptor: Descriptor

    fileprivate init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Connects to the socket at `path`; a listener that is busy is an error (`EAGAIN`), too.
    public init(path: String) throws(SystemError) {
        let number = sallyport_message_socket()
        guard number >= 0 else { throw SystemError.current("socket") }
        let made = Descriptor(owning: number)
        // Safe: the path is a C string for the length of the call.
        guard unsafe sallyport_connect_local(number, path) == 0 else {
            throw SystemError.current("connect")
        }
        descriptor = made
    }

    /// The user that the peer was when it connected (`SO_PEERCRED`): the kernel's word.
    public borrowing func peerUser() throws(SystemError) -> UInt32 {
        try LocalPeer(of: descriptor).user
    }

    /// Sends one message, whole or not at all, without waiting.
    public borrowing func send(_ message: Span<UInt8>) throws(SystemError) {
        switch descriptor.send(message) {
        case .transferred(message.count): return
        case .wouldBlock: throw SystemError("send", EAGAIN)
        case .failed(let code): throw SystemError("send", code)
        case .transferred, .endOfStream: throw SystemError("send", EMSGSIZE)
        }
    }

    /// Takes one message of at most `limitBytes`, without waiting.
    public borrowing func receive(limitBytes: Int) -> MessageResult {
        // One byte more than may come: then a longer message shows.
        var memory = [UInt8](repeating: 0, count: limitBytes + 1)
        // Safe: the kernel fills at most the memory of the array.
        let result = unsafe memory.withUnsafeMutableBytes {
            unsafe Descriptor.receive(from: descriptor.number, into: $0)
        }
        switch result {
        case .transferred(let count):
            guard count <= limitBytes else { return .failed(SystemError("recv", EMSGSIZE)) }
            memory.removeLast(memory.count - count)
            return .message(memory)
        case .wouldBlock: return .wouldBlock
        case .endOfStream: return .closed
        case .failed(let code): return .failed(SystemError("recv", code))
        }
    }

    /// Waits at most `milliseconds` for a message or the end; false when neither came.
    public borrowing func wait(milliseconds: Int32) throws(SystemError) -> Bool {
        var watched = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        // Safe: the kernel reads and fills the one structure.
        let count = unsafe poll(&watched, 1, milliseconds)
        if count < 0, errno != EINTR { throw SystemError.current("poll") }
        return count > 0
    }
}

/// Takes connections of processes of this machine at a path; the path goes away with it.
public struct MessageListener: ~Copyable, Sendable {
    /// What a poller watches.
    public let descriptor: Descriptor
    private let path: String

    private static let backlog: CInt = 16

    /// Listens at `path`; a socket there that nobody listens on any more is replaced.
    ///
    /// - Parameter isOpenToAll: Whether other users than this process's may connect; whom the
    ///   kernel then names (`MessageConnection.peerUser`) is for the caller to judge.
    public init(path: String, isOpenToAll: Bool = false) throws(SystemError) {
        let number = sallyport_message_socket()
        guard number >= 0 else { throw SystemError.current("socket") }
        let made = Descriptor(owning: number)
        // A socket that nobody listens on refuses; everything else at that path stays.
        do throws(SystemError) {
            _ = try MessageConnection(path: path)
            throw SystemError("bind", EADDRINUSE)
        } catch {
            // Safe, here and below: the path is a C string for the length of the call.
            if error.code == ECONNREFUSED { _ = unsafe unlink(path) }
            if error.code == EADDRINUSE || error.code == EAGAIN {
                throw SystemError("bind", EADDRINUSE)
            }
        }
        let mask = umask(0o177)
        let bound = unsafe sallyport_bind_local(number, path)
        let code = errno
        _ = umask(mask)
        guard bound == 0 else { throw SystemError("bind", code) }
        if isOpenToAll, unsafe chmod(path, 0o666) != 0 { throw SystemError.current("chmod") }
        guard listen(number, MessageListener.backlog) == 0 else {
            throw SystemError.current("listen")
        }
        descriptor = made
        self.path = path
    }

    deinit {
        _ = unsafe unlink(path)
    }

    /// Takes one waiting connection; nil when none waits.
    public borrowing func accept() -> MessageConnection? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // Safe: the kernel fills at most `length` bytes of the storage.
        let number = unsafe sallyport_accept(descriptor.number, &storage, &length)
        guard number >= 0 else { return nil }
        return MessageConnection(Descriptor(owning: number))
    }
}

extension SystemError {
    /// `operation` took longer than it may.
    public static func timedOut(_ operation: StaticString) -> SystemError {
        SystemError(operation, ETIMEDOUT)
    }

    /// The peer of `operation` is gone.
    public static func notConnected(_ operation: StaticString) -> SystemError {
        SystemError(operation, ENOTCONN)
    }

    /// What came by `operation` is no message of the protocol.
    public static func malformedMessage(_ operation: StaticString) -> SystemError {
        SystemError(operation, EBADMSG)
    }
}
