import CLinux
import Glibc
import Primitives

/// What one read or write did.
public enum TransferResult: Equatable, Sendable {
    /// This many bytes moved; at least one.
    case transferred(Int)
    /// Nothing can move now (`EAGAIN`).
    case wouldBlock
    /// The peer has sent its last byte (reads only).
    case endOfStream
    /// The connection is gone; the number is the `errno` value.
    case failed(CInt)
}

/// One open file descriptor: one owner, closed exactly once.
public struct Descriptor: ~Copyable, Sendable {
    /// The kernel's number, for registering with a `Poller`; never closed by its borrower.
    public let number: CInt

    /// Takes ownership of the open descriptor `number`.
    public init(owning number: CInt) {
        precondition(number >= 0)
        self.number = number
    }

    deinit {
        _ = Glibc.close(number)
    }

    /// Gives up ownership without closing.
    public consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// Sends `bytes` once (`send(2)` without SIGPIPE); `EINTR` is retried.
    @inlinable
    public borrowing func send(_ bytes: Span<UInt8>) -> TransferResult {
        Descriptor.send(bytes, to: number)
    }

    /// Sends `bytes` once to the open descriptor `number`, whose owner the caller knows.
    public static func send(_ bytes: Span<UInt8>, to number: CInt) -> TransferResult {
        while true {
            // Safe: the buffer is only read, for the length of the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 { return .transferred(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: return .failed(code)
            }
        }
    }

    /// Reads once from the open descriptor `number` into `memory` (`recv(2)`); `EINTR` is retried.
    @unsafe
    public static func receive(
        from number: CInt, into memory: UnsafeMutableRawBufferPointer
    ) -> TransferResult {
        while true {
            // Safe: the kernel fills at most the memory given, for the length of the call.
            let count = unsafe Glibc.recv(number, memory.baseAddress, memory.count, 0)
            if count > 0 { return .transferred(count) }
            if count == 0 { return .endOfStream }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: return .failed(code)
            }
        }
    }

    /// Says that no more bytes will be sent (`shutdown(2)`, `SHUT_WR`); failure changes nothing.
    public borrowing func shutdownWriting() {
        _ = Glibc.shutdown(number, CInt(SHUT_WR))
    }

    /// Makes the later close send a reset, so that a truncated answer is never taken for whole.
    public borrowing func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        // Safe: the option is only read, for the length of the call.
        _ = unsafe setsockopt(
            number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}

extension PooledBuffer {
    /// Reads once from the open descriptor `number` behind the bytes held (`recv(2)`).
    ///
    /// `EINTR` is retried. The buffer must have room.
    public mutating func read(from number: CInt) -> TransferResult {
        // Safe: `receive` fills at most the free memory, and `fill` checks how much.
        unsafe fill { memory in
            let result = unsafe Descriptor.receive(from: number, into: memory)
            if case .transferred(let count) = result { return (count, result) }
            return (0, result)
        }
    }
}
