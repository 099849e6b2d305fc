import Glibc
import LinuxIO
import Testing

@Suite struct LocalDatagramTests {
    @Test func `a datagram arrives whole, and a receiver that stops reading is no error`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let receiver = try #require(Receiver(path: path))
        let sender = try LocalDatagram(path: path)
        let bytes: [UInt8] = [1, 10, 0, 255]
        #expect(sender.send(bytes.span) == .sent)
        #expect(receiver.next() == bytes)
        var result = DatagramResult.sent
        var count = 0
        while result == .sent, count < 100_000 {
            result = sender.send(bytes.span)
            count += 1
        }
        #expect(result == .wouldBlock)
        #expect(receiver.next() == bytes)
        #expect(sender.send(bytes.span) == .sent)
    }

    @Test func `a receiver that was started anew is found`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let sender = try LocalDatagram(path: path)
        let bytes: [UInt8] = [7]
        #expect(sender.send(bytes.span) == .failed(SystemError("sendto", ENOENT)))
        do {
            let first = try #require(Receiver(path: path))
            #expect(sender.send(bytes.span) == .sent)
            #expect(first.next() == bytes)
        }
        #expect(sender.send(bytes.span) == .failed(SystemError("sendto", ECONNREFUSED)))
        unlink(path)
        let second = try #require(Receiver(path: path))
        #expect(sender.send(bytes.span) == .sent)
        #expect(second.next() == bytes)
    }

    @Test func `what nobody can take is told apart`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let receiver = try #require(Receiver(path: path))
        let huge = [UInt8](repeating: 0, count: 16 << 20)
        guard case .failed(let error) = try LocalDatagram(path: path).send(huge.span) else {
            Issue.record("sixteen mebibytes were sent")
            return
        }
        #expect(error.isMessageTooLong)
        let long = path + String(repeating: "x", count: LocalDatagram.limitPathBytes)
        let result = try LocalDatagram(path: long).send([1].span)
        #expect(result == .failed(SystemError("sendto", ENAMETOOLONG)))
        _ = receiver
    }

    /// A bound socket that datagrams are taken from.
    private final class Receiver {
        private let number: CInt

        init?(path: String) {
            number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { room in
                for (index, byte) in path.utf8.enumerated() { room[index] = byte }
            }
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard bound == 0 else { return nil }
        }

        deinit { close(number) }

        func next() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = recv(number, &bytes, bytes.count, 0)
            return Array(bytes.prefix(max(count, 0)))
        }
    }
}
