import CLinux
import Glibc
import Primitives

/// A connection that a listener has accepted.
public struct AcceptedStream: ~Copyable {
    /// The connected, non-blocking socket.
    public var descriptor: Descriptor
    /// Who connected.
    public let peer: PeerAddress

    /// Hands the socket over.
    public consuming func takeDescriptor() -> Descriptor { descriptor }
}

/// What one `accept4` did.
public enum AcceptResult: ~Copyable {
    case accepted(AcceptedStream)
    /// No connection waits.
    case wouldBlock
    /// The kernel can't give one now (descriptors or memory ran out); the number is `errno`.
    case failed(CInt)
}

/// One worker's listening socket. Several share an address through `SO_REUSEPORT`.
public struct Listener: ~Copyable, Sendable {
    /// What the worker's poller watches.
    public let descriptor: Descriptor
    /// The address bound, with the kernel's port where 0 was asked for.
    public let address: SocketAddress

    /// Binds and listens.
    ///
    /// - Parameter backlog: Connections that may wait in the kernel.
    public init(address: SocketAddress, backlog: Int32 = 4096) throws(SystemError) {
        let number = sallyport_stream_socket(address.family)
        guard number >= 0 else { throw SystemError.current("socket") }
        let descriptor = Descriptor(owning: number)
        try descriptor.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        try descriptor.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
        let bound = unsafe address.withKernelForm { unsafe bind(number, $0, $1) }
        guard bound == 0 else { throw SystemError.current("bind") }
        guard listen(number, backlog) == 0 else { throw SystemError.current("listen") }
        self.address = try descriptor.localAddress()
        self.descriptor = descriptor
    }

    /// Takes ownership of the bound, listening socket `number`, such as one that systemd opened.
    public init(owning number: CInt) throws(SystemError) {
        let descriptor = Descriptor(owning: number)
        address = try descriptor.localAddress()
        self.descriptor = descriptor
    }

    /// Gives up ownership of the socket without closing it.
    public consuming func release() -> CInt { descriptor.release() }

    /// Lets no further connection begin: what is in the queue, and what is on its way there, can
    /// be taken until the socket is closed, so that nobody who was let in is sent away.
    ///
    /// A client that connects meanwhile tries again within a second or so, and finds no listener. A
    /// kernel that can't filter (`SO_ATTACH_FILTER`, socket(7)) lets them begin.
    public borrowing func refuseNew() {
        _ = sallyport_refuse_connections(descriptor.number)
    }

    /// Takes one waiting connection: non-blocking, without delay.
    public borrowing func accept() -> AcceptResult {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            // Safe: the kernel fills at most `length` bytes of the storage.
            let number = unsafe sallyport_accept(descriptor.number, &storage, &length)
            if number >= 0 {
                let stream = Descriptor(owning: number)
                stream.disableDelay()
                return .accepted(
                    AcceptedStream(descriptor: stream, peer: SocketAddress(storage: storage).peer))
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return .wouldBlock
            case let code: return .failed(code)
            }
        }
    }
}

extension Descriptor {
    borrowing func setOption(_ level: CInt, _ name: CInt, _ value: CInt) throws(SystemError) {
        var copy = value
        // Safe: the option is only read, for the length of the call.
        let result = unsafe setsockopt(
            number, level, name, &copy, socklen_t(MemoryLayout<CInt>.size))
        guard result == 0 else { throw SystemError.current("setsockopt") }
    }

    /// Small writes leave at once (`TCP_NODELAY`); failure only costs speed.
    borrowing func disableDelay() {
        var one: CInt = 1
        // Safe: the option is only read, for the length of the call.
        _ = unsafe setsockopt(
            number, CInt(IPPROTO_TCP), CInt(TCP_NODELAY), &one,
            socklen_t(MemoryLayout<CInt>.size))
    }

    /// The address that this socket is bound to.
    public borrowing func localAddress() throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // Safe: the kernel fills at most `length` bytes of the storage.
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(number, $0, &length)
            }
        }
        guard result == 0 else { throw SystemError.current("getsockname") }
        return SocketAddress(storage: storage)
    }
}
