import Glibc
import LinuxIO
import Testing

@testable import Systemd

@Suite struct PassedSocketsTests {
    /// A descriptor that is closed behind the test.
    private struct Opened: ~Copyable {
        let descriptor: Descriptor

        init(_ number: CInt) { descriptor = Descriptor(owning: number) }

        static func socket(_ family: CInt, _ type: __socket_type) -> Opened {
            Opened(Glibc.socket(family, CInt(type.rawValue), 0))
        }
    }

    @Test func `a listening socket is claimed once, by its name`() throws {
        let first = Opened.socket(AF_INET, SOCK_STREAM)
        let second = Opened.socket(AF_INET6, SOCK_STREAM)
        let numbers = [first.descriptor.number, second.descriptor.number]
        for number in numbers { #expect(listen(number, 1) == 0) }
        var passed = PassedSockets(numbers.map { PassedDescriptor(number: $0, name: "https") })
        #expect(throws: PassedSocketError.unclaimed(passed.descriptors)) {
            try passed.checkNothingIsLeft()
        }
        try passed.checkNothingIsLeft(but: "https")
        #expect(try passed.claim("https") == numbers)
        try passed.checkNothingIsLeft()
        #expect(throws: PassedSocketError.unknownName("https", passed: ["https"])) {
            try passed.claim("https")
        }
    }

    @Test func `a name that was not passed is refused with those that were`() {
        var none = PassedSockets([])
        #expect(throws: PassedSocketError.nonePassed(name: "https")) { try none.claim("https") }
        var other = PassedSockets([PassedDescriptor(number: 3, name: "http")])
        let error = #expect(throws: PassedSocketError.self) { try other.claim("https") }
        #expect(
            error?.description
                == "systemd has passed no socket named 'https' (FileDescriptorName=), only 'http'")
    }

    @Test func `every kind of descriptor but a listening TCP socket is refused`() throws {
        let silent = Opened.socket(AF_INET, SOCK_STREAM)
        let datagram = Opened.socket(AF_INET, SOCK_DGRAM)
        let local = Opened.socket(AF_UNIX, SOCK_STREAM)
        let netlink = Opened.socket(AF_NETLINK, SOCK_RAW)
        let file = Opened(open("/dev/null", O_RDONLY))
        let kinds: [(CInt, DescriptorKind)] = [
            (silent.descriptor.number, .notListening), (datagram.descriptor.number, .datagram),
            (local.descriptor.number, .local), (netlink.descriptor.number, .otherSocket),
            (file.descriptor.number, .notSocket),
        ]
        for (number, kind) in kinds {
            let descriptor = PassedDescriptor(number: number, name: "a")
            var passed = PassedSockets([descriptor])
            let error = #expect(throws: PassedSocketError.self) { try passed.claim("a") }
            #expect(error == .wrongKind(descriptor, kind))
            #expect(error?.description.hasPrefix("descriptor \(number) ('a') from systemd") == true)
        }
        #expect(Set(DescriptorKind.allCases.map(\.words)).count == DescriptorKind.allCases.count)
    }

    @Test func `a process that nothing was passed to takes nothing`() throws {
        #expect(try PassedSockets.take() == PassedSockets([]))
    }
}
