import LinuxIO
import Primitives
import TLS

/// What an attempt to read more of a peer's bytes gave.
enum Filling {
    case progressed
    /// Nothing has come.
    case nothing
    /// The peer has sent its last byte, and all were read.
    case ended
    /// The connection is broken.
    case failed
    /// The buffer is full.
    case full
    /// No buffer is free.
    case exhausted
}

/// What an attempt to send gave.
enum Sending {
    /// This many bytes were taken; at least one.
    case taken(Int)
    /// Nothing more is taken now; a writable edge will tell.
    case blocked
    /// The connection is broken.
    case failed
}

/// One peer's bytes, in clear: its socket, its TLS when it has one, and what was read and not
/// yet used. The buffer is held only while it holds bytes.
struct PeerStream: ~Copyable {
    let descriptor: Descriptor
    var socket: SocketState
    var session = TLSSession.none
    var input = PooledBuffer.none
    /// The peer's TCP ended without the `close_notify` that would have said that all was sent
    /// (RFC 8446 §6.1).
    var isTruncated = false

    /// The stream of `descriptor`.
    ///
    /// - Parameter isConnected: False while a connect is under way.
    init(_ descriptor: consuming Descriptor, isConnected: Bool) {
        socket = SocketState(number: descriptor.number, mayWrite: isConnected)
        self.descriptor = descriptor
    }

    /// Goes on with the handshake as far as it goes without waiting.
    mutating func shakeHands(_ engine: inout TLSEngine) -> TLSProgress {
        while true {
            let progress = engine.handshake(&session, &socket)
            // One call reads once at most; a long chain of certificates comes in several reads.
            if case .wantsRead = progress, socket.mayRead { continue }
            return progress
        }
    }

    /// Reads more behind what is held.
    mutating func fill(_ engine: inout TLSEngine, _ buffers: inout BufferPool) -> Filling {
        guard socket.mayRead else { return socket.hasEnded ? .ended : .nothing }
        if !input.isLent {
            guard buffers.lend(&input) else { return .exhausted }
        }
        if input.room == 0 { input.compact() }
        let room = input.room
        guard room > 0 else { return .full }
        if session.isPresent { return fillSecurely(&engine) }
        switch input.read(from: socket.number) {
        case .transferred(let count):
            if count < room {
                // All there was; an edge will tell of more.
                socket.mayRead = false
                socket.hasEnded = socket.isPeerClosing
            }
            return .progressed
        case .wouldBlock:
            socket.mayRead = false
            return .nothing
        case .endOfStream:
            socket.mayRead = false
            socket.hasEnded = true
            return .ended
        case .failed:
            socket.mayRead = false
            return .failed
        }
    }

    /// What the end of TLS means for the socket, the engine has noted there.
    private mutating func fillSecurely(_ engine: inout TLSEngine) -> Filling {
        switch engine.read(&session, &socket, into: &input) {
        case .transferred: return .progressed
        case .nothing: return .nothing
        case .endOfStream: return .ended
        case .truncated:
            isTruncated = true
            return .ended
        case .failed: return .failed
        }
    }

    /// Whether what was taken has not all reached the kernel.
    var hasUnsent: Bool { session.isPresent && session.hasUnsent }

    /// Sends from the start of `bytes`, which are not empty.
    mutating func send(
        _ bytes: Span<UInt8>, _ engine: inout TLSEngine, now: Instant
    ) -> Sending {
        guard socket.mayWrite else { return .blocked }
        if session.isPresent {
            switch flush(&engine) {
            case .done: break
            case .blocked: return .blocked
            case .failed: return .failed
            }
            switch engine.write(&session, &socket, bytes, now: now) {
            case .transferred(let count): return .taken(count)
            case .blocked: return .blocked
            case .failed: return .failed
            }
        }
        switch Descriptor.send(bytes, to: socket.number) {
        case .transferred(let count):
            if count < bytes.count { socket.mayWrite = false }
            return .taken(count)
        case .wouldBlock:
            socket.mayWrite = false
            return .blocked
        case .endOfStream, .failed:
            return .failed
        }
    }

    /// Sends what was taken and has not reached the kernel.
    mutating func flush(_ engine: inout TLSEngine) -> Flushing {
        guard hasUnsent else { return .done }
        guard socket.mayWrite else { return .blocked }
        switch engine.flush(&session, &socket) {
        case .done: return .done
        case .blocked: return .blocked
        case .failed: return .failed
        }
    }

    /// Says that nothing more will be sent: `close_notify` (RFC 8446 §6.1), best effort.
    mutating func sayClosing(_ engine: inout TLSEngine) {
        guard session.isPresent, session.isEstablished, socket.mayWrite else { return }
        engine.shutdown(&session, &socket)
    }
}

/// What became of a flush.
enum Flushing {
    case done
    case blocked
    case failed
}
