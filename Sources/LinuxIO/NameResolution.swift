import CLinux
import Glibc
import Primitives

/// Host names to addresses, by the system's resolver. It blocks: never on a worker.
public enum NameResolution {
    /// Most addresses of one name that are used.
    public static let limitAddresses = 16

    /// The addresses of `host`, at most `limitAddresses`, each once; none when it has none now.
    public static func addresses(of host: String, port: UInt16) -> [PeerAddress] {
        if let literal = SocketAddress(literal: host, port: port) { return [literal.peer] }
        // Safe: all zero is a structure without pointers.
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var first: UnsafeMutablePointer<addrinfo>?
        // Safe: the strings and hints are only read; the list is freed below.
        guard unsafe getaddrinfo(host, "\(port)", &hints, &first) == 0 else { return [] }
        defer { unsafe freeaddrinfo(first) }
        var found: [PeerAddress] = []
        var next = unsafe first
        while let entry = unsafe next, found.count < limitAddresses {
            if let address = unsafe address(entry.pointee), !found.contains(address) {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    private static func address(_ entry: addrinfo) -> PeerAddress? {
        guard let source = unsafe entry.ai_addr else { return nil }
        var storage = sockaddr_storage()
        let length = unsafe min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        // Safe: the resolver's structure has so many bytes, the storage has room for each family.
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: length))
        }
        let peer = SocketAddress(storage: storage).peer
        return peer == .unknown ? nil : peer
    }
}
