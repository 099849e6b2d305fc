import Glibc

extension Listener {
    /// Takes ownership of the listening socket `number` that another process has opened: made
    /// non-blocking, and closed on exec.
    public static func passed(_ number: CInt) throws(SystemError) -> Listener {
        let listener = try Listener(owning: number)
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(number, F_SETFD, FD_CLOEXEC) == 0
        else { throw SystemError.current("fcntl") }
        return listener
    }

    /// Another descriptor of the same socket, for another worker: what waits is shared.
    public borrowing func duplicate() throws(SystemError) -> CInt {
        let number = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3)
        guard number >= 0 else { throw SystemError.current("fcntl") }
        return number
    }
}
