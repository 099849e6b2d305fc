import LinuxIO
import Primitives
import Testing

/// Two ends of one connection over the loopback interface.
///
/// Waiting is the kernel's: a poller with a time limit, which is only reached when a test fails.
@Suite struct ListenerTests {
    static let limitMilliseconds: Int32 = 10_000

    private static func listener() throws -> Listener {
        let address = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
        return try Listener(address: address)
    }

    /// Waits until something of `poller` has one of the bits in `readiness`.
    private static func wait(
        _ poller: inout Poller, for readiness: Readiness
    ) throws -> UInt64? {
        for _ in 0..<100 {
            let count = try poller.wait(milliseconds: limitMilliseconds)
            if count == 0 { return nil }
            for index in 0..<count {
                let event = poller.event(at: index)
                if event.readiness.isDisjoint(with: readiness) == false { return event.tag }
            }
        }
        return nil
    }

    private static func accept(_ listener: borrowing Listener) throws -> AcceptedStream {
        var poller = try Poller(batch: 4)
        try poller.addSource(listener.descriptor, tag: 1)
        let tag = try wait(&poller, for: .readable)
        try #require(tag == 1)
        switch listener.accept() {
        case .accepted(let stream): return stream
        case .wouldBlock: throw SystemError("accept4", 11)
        case .failed(let code): throw SystemError("accept4", code)
        }
    }

    @Test func `the kernel's port is known after binding`() throws {
        let listener = try Self.listener()
        let port = listener.address.peer.port
        #expect(port != 0)
        switch listener.accept() {
        case .wouldBlock: break
        default: Issue.record("nobody connected")
        }
    }

    @Test func `an address in use by another program's socket is an error, by ours it is not`()
        throws
    {
        let first = try Self.listener()
        let address = first.address
        let second = try Listener(address: address)
        let isSame = second.address == address
        #expect(isSame)
        let foreign = try #require(SocketAddress(literal: "192.0.2.1", port: 0))
        #expect(throws: SystemError("bind", 99)) { _ = try Listener(address: foreign) }
    }

    @Test func `bytes go both ways, and an end is seen`() throws {
        let listener = try Self.listener()
        let near = try Descriptor.connecting(to: listener.address)
        let accepted = try Self.accept(listener)
        let local = try near.localAddress()
        let peer = accepted.peer
        #expect(peer == local.peer)
        let far = accepted.takeDescriptor()

        var poller = try Poller(batch: 4)
        try poller.addStream(near, tag: 5)
        #expect(try Self.wait(&poller, for: .writable) == 5)
        let code = near.connectError()
        #expect(code == 0)

        var pool = BufferPool(capacity: 1, bufferBytes: 4096)
        var buffer = PooledBuffer.none
        let isLent = pool.lend(&buffer)
        #expect(isLent)
        let nothing = buffer.read(from: near.number)
        #expect(nothing == .wouldBlock)

        let sent = far.send(Array("there".utf8).span)
        #expect(sent == .transferred(5))
        #expect(try Self.wait(&poller, for: .readable) == 5)
        let received = buffer.read(from: near.number)
        #expect(received == .transferred(5))
        let count = buffer.count
        #expect(count == 5)

        far.shutdownWriting()
        #expect(try Self.wait(&poller, for: .peerClosed) == 5)
        let end = buffer.read(from: near.number)
        #expect(end == .endOfStream)

        let back = near.send([0x21].span)
        #expect(back == .transferred(1))
        pool.give(&buffer)
    }

    @Test func `a full window is not an error`() throws {
        let listener = try Self.listener()
        let near = try Descriptor.connecting(to: listener.address)
        let accepted = try Self.accept(listener)
        let block = [UInt8](repeating: 0, count: 1 << 16)
        var result = TransferResult.transferred(0)
        var blocks = 0
        while case .transferred = result, blocks < 10_000 {
            result = near.send(block.span)
            blocks += 1
        }
        #expect(result == .wouldBlock)
        _ = accepted.peer
    }

    @Test func `a reset is a failure with its number`() throws {
        let listener = try Self.listener()
        let near = try Descriptor.connecting(to: listener.address)
        var poller = try Poller(batch: 4)
        try poller.addStream(near, tag: 6)
        do {
            let accepted = try Self.accept(listener)
            let far = accepted.takeDescriptor()
            far.resetOnClose()
        }
        #expect(try Self.wait(&poller, for: [.error, .hangup]) == 6)
        let result = near.send([1].span)
        // ECONNRESET once, then EPIPE.
        #expect(result == .failed(104) || result == .failed(32))
    }

    @Test func `a connect that nobody answers says why`() throws {
        var address: SocketAddress
        do {
            let listener = try Self.listener()
            address = listener.address
        }
        // ECONNREFUSED, at once or after the wait.
        do {
            let near = try Descriptor.connecting(to: address)
            var poller = try Poller(batch: 4)
            try poller.addStream(near, tag: 7)
            #expect(try Self.wait(&poller, for: [.error, .hangup]) == 7)
            let code = near.connectError()
            #expect(code == 111)
        } catch let error as SystemError {
            #expect(error == SystemError("connect", 111))
        }
    }

    @Test func `a released socket is taken over as it is`() throws {
        let listener = try Self.listener()
        let address = listener.address
        let again = try Listener(owning: listener.release())
        let isSame = again.address == address
        #expect(isSame)
    }
}
