import CLinux
import Glibc
import Primitives

/// An IPv4 or IPv6 address and port in the kernel's form.
public struct SocketAddress: Equatable, Hashable, Sendable {
    /// The address; IPv4 as IPv4-mapped.
    public let peer: PeerAddress

    /// The address `peer`.
    public init(_ peer: PeerAddress) {
        self.peer = peer
    }

    /// Parses an address literal such as `127.0.0.1` or `::1`; nil when it is neither.
    public init?(literal: String, port: UInt16) {
        var four = in_addr()
        // Safe: inet_pton writes one address of the family named.
        if unsafe inet_pton(AF_INET, literal, &four) == 1 {
            peer = PeerAddress(ipv4: UInt32(bigEndian: four.s_addr), port: port)
            return
        }
        var six = in6_addr()
        guard unsafe inet_pton(AF_INET6, literal, &six) == 1 else { return nil }
        peer = unsafe withUnsafeBytes(of: &six) { bytes in
            unsafe PeerAddress(
                address: Identifier128(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))),
                port: port)
        }
    }

    init(storage: borrowing sockaddr_storage) {
        var copy = copy storage
        switch CInt(copy.ss_family) {
        case AF_INET:
            // Safe: the family says that the storage holds a sockaddr_in.
            peer = unsafe withUnsafeBytes(of: &copy) { bytes in
                let four = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
                return PeerAddress(
                    ipv4: UInt32(bigEndian: four.sin_addr.s_addr),
                    port: UInt16(bigEndian: four.sin_port))
            }
        case AF_INET6:
            // Safe: the family says that the storage holds a sockaddr_in6; the address is at 8.
            peer = unsafe withUnsafeBytes(of: &copy) { bytes in
                unsafe PeerAddress(
                    address: Identifier128(
                        high: UInt64(
                            bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                        low: UInt64(
                            bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))),
                    port: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
                )
            }
        default:
            peer = .unknown
        }
    }

    var family: CInt { peer.isIPv4 ? AF_INET : AF_INET6 }

    /// Runs `body` with the kernel's structure.
    func withKernelForm<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if peer.isIPv4 {
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = peer.port.bigEndian
            four.sin_addr.s_addr = UInt32(truncatingIfNeeded: peer.address.low).bigEndian
            length = MemoryLayout<sockaddr_in>.size
            // Safe: a sockaddr_storage has room for each family's structure.
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: four, as: sockaddr_in.self)
            }
        } else {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = peer.port.bigEndian
            length = MemoryLayout<sockaddr_in6>.size
            // Safe: as above; the address lies at 8 in sockaddr_in6.
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: six, as: sockaddr_in6.self)
                unsafe $0.storeBytes(
                    of: peer.address.high.bigEndian, toByteOffset: 8, as: UInt64.self)
                unsafe $0.storeBytes(
                    of: peer.address.low.bigEndian, toByteOffset: 16, as: UInt64.self)
            }
        }
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(length))
            }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `address:port`, an IPv6 address in brackets.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if peer.isIPv4 {
            var four = in_addr(s_addr: UInt32(truncatingIfNeeded: peer.address.low).bigEndian)
            _ = unsafe inet_ntop(AF_INET, &four, &text, socklen_t(text.count))
            return "\(terminated(text)):\(peer.port)"
        }
        var six = (peer.address.high.bigEndian, peer.address.low.bigEndian)
        // Safe: both buffers are as long as the call may need.
        _ = unsafe inet_ntop(AF_INET6, &six, &text, socklen_t(text.count))
        return "[\(terminated(text))]:\(peer.port)"
    }

    private func terminated(_ text: [CChar]) -> String {
        let end = text.firstIndex(of: 0) ?? text.endIndex
        return String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
