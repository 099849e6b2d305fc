import CLinux
import Glibc
import Primitives

extension Descriptor {
    /// Begins to connect a new non-blocking stream to `address`.
    ///
    /// It is writable when the connect has ended; `connectError` then says how.
    public static func connecting(
        to address: SocketAddress
    ) throws(SystemError) -> Descriptor {
        let number = sallyport_stream_socket(address.family)
        guard number >= 0 else { throw SystemError.current("socket") }
        let descriptor = Descriptor(owning: number)
        descriptor.disableDelay()
        while true {
            let result = unsafe address.withKernelForm { unsafe connect(number, $0, $1) }
            if result == 0 { return descriptor }
            switch errno {
            case EINTR: continue
            case EINPROGRESS: return descriptor
            case let code: throw SystemError("connect", code)
            }
        }
    }

    /// How the connect ended: 0, or an `errno` value (`SO_ERROR`).
    public borrowing func connectError() -> CInt {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        // Safe: the kernel fills the one number.
        let result = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
        return result == 0 ? code : errno
    }
}
