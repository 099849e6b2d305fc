import Glibc
import LinuxIO
import Testing

@Suite struct PassedListenerTests {
    @Test func `a passed socket no longer blocks, and is closed on exec`() throws {
        let own = try Listener(address: try #require(SocketAddress(literal: "127.0.0.1", port: 0)))
        let address = own.address
        let number = own.release()
        #expect(fcntl(number, F_SETFL, 0) == 0 && fcntl(number, F_SETFD, 0) == 0)
        let listener = try Listener.passed(number)
        #expect(listener.address == address)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        let other = try Listener(owning: try listener.duplicate())
        #expect(other.address == address && other.descriptor.number != number)
        #expect(fcntl(other.descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `a number that is no socket is refused`() throws {
        let number = open("/dev/null", O_RDONLY)
        #expect(throws: SystemError.self) { _ = try Listener.passed(number) }
    }
}
