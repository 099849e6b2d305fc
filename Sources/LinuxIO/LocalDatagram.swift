import CLinux
import Glibc

/// What became of one datagram.
public enum DatagramResult: Equatable, Sendable {
    case sent
    /// The receiver takes no more now (`EAGAIN`).
    case wouldBlock
    /// It was not sent; the error says whether another attempt makes sense.
    case failed(SystemError)
}

/// Sends datagrams to a socket of another process on this machine (`unix(7)`), without waiting.
///
/// The path is looked up for each datagram, so that a receiver that was started anew is found.
public struct LocalDatagram: ~Copyable, Sendable {
    private let descriptor: Descriptor
    private let path: String

    /// Longest path of a socket, in bytes.
    public static let limitPathBytes = 107

    /// A sender to the socket at `path`, which need not be there yet.
    public init(path: String) throws(SystemError) {
        let number = sallyport_local_datagram_socket()
        guard number >= 0 else { throw SystemError.current("socket") }
        descriptor = Descriptor(owning: number)
        self.path = path
    }

    /// Sends `bytes` as one datagram, all or nothing; `EINTR` is retried.
    public borrowing func send(_ bytes: Span<UInt8>) -> DatagramResult {
        while true {
            // Safe: path and buffer are only read, for the length of the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe sallyport_send_local(descriptor.number, path, $0.baseAddress, $0.count)
            }
            if count >= 0 { return .sent }
            switch errno {
            case EINTR: continue
            case EAGAIN, ENOBUFS: return .wouldBlock
            case let code: return .failed(SystemError("sendto", code))
            }
        }
    }
}

extension SystemError {
    /// Whether the datagram was too long to be sent to anyone (`EMSGSIZE`).
    public var isMessageTooLong: Bool { code == EMSGSIZE }
}
