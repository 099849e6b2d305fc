import LinuxIO
import Testing

@Suite struct MessageSocketTests {
    private static let limitMilliseconds: Int32 = 10_000

    @Test func `messages arrive whole, and the kernel says who sends`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let listener = try MessageListener(path: path)
        let client = try MessageConnection(path: path)
        let accepted = Self.accepted(listener)
        let server = try #require(accepted)
        #expect(try server.connection.peerUser() == LocalPeer.ownUser)
        #expect(Self.isBlocked(server))
        try client.send([1, 2, 3].span)
        try client.send([4].span)
        #expect(try server.connection.wait(milliseconds: Self.limitMilliseconds))
        #expect(server.connection.receive(limitBytes: 3) == .message([1, 2, 3]))
        #expect(server.connection.receive(limitBytes: 3) == .message([4]))
        try client.send([1, 2, 3, 4].span)
        guard case .failed = server.connection.receive(limitBytes: 3) else {
            Issue.record("a message longer than the limit was taken")
            return
        }
    }

    @Test func `an end shows as one`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let listener = try MessageListener(path: path)
        do { _ = try MessageConnection(path: path) }
        let accepted = Self.accepted(listener)
        let server = try #require(accepted)
        #expect(try server.connection.wait(milliseconds: Self.limitMilliseconds))
        #expect(server.connection.receive(limitBytes: 3) == .closed)
    }

    @Test func `a path in use is refused, one that was left behind is not`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        #expect(throws: SystemError.self) { _ = try MessageConnection(path: path) }
        do {
            let first = try MessageListener(path: path, isOpenToAll: true)
            #expect(throws: SystemError.self) { _ = try MessageListener(path: path) }
            withExtendedLifetime(first.descriptor.number) {}
        }
        // It took its path along.
        #expect(throws: SystemError.self) { _ = try MessageConnection(path: path) }
        _ = try MessageListener(path: path)
        let long = folder.path + "/" + String(repeating: "x", count: 120)
        #expect(throws: SystemError.self) { _ = try MessageListener(path: long) }
    }

    @Test func `errors have their names`() {
        #expect(SystemError.timedOut("recv").description.hasPrefix("recv: "))
        #expect(SystemError.notConnected("recv") != .malformedMessage("recv"))
    }

    private final class Box {
        let connection: MessageConnection
        init(_ connection: consuming MessageConnection) { self.connection = connection }
    }

    private static func accepted(_ listener: borrowing MessageListener) -> Box? {
        switch listener.accept() {
        case .some(let connection): Box(connection)
        case .none: nil
        }
    }

    private static func isBlocked(_ box: Box) -> Bool {
        box.connection.receive(limitBytes: 3) == .wouldBlock
    }
}
