import HTTP
import Primitives

/// Who the client is, when trusted proxies stand between it and us.
public struct ClientAddress: Sendable, BitwiseCopyable {
    /// The address that limits and records count: the peer's, or what trusted proxies say.
    public let address: PeerAddress
    /// Whether the peer is a trusted proxy, so that its forwarding fields are kept.
    public let isPeerTrusted: Bool

    /// Walks `X-Forwarded-For` from its end while the addresses met are trusted proxies.
    ///
    /// Only a trusted peer is believed at all. A second field of that name, or an entry that is
    /// no address, ends the walk at the last address that was certain: whoever added it cannot
    /// be told from the client.
    public init(
        peer: PeerAddress, trustedProxies: [AddressRange], head: borrowing RequestHead,
        bytes: Span<UInt8>
    ) {
        guard !trustedProxies.isEmpty, ClientAddress.isTrusted(peer, trustedProxies) else {
            address = peer
            isPeerTrusted = false
            return
        }
        isPeerTrusted = true
        guard head.fields.count(of: .xForwardedFor) == 1,
            let index = head.fields.first(.xForwardedFor)
        else {
            address = peer
            return
        }
        let list = bytes.extracting(head.fields[index].value)
        var nearest = peer
        var end = list.count
        while end > 0 {
            var start = end
            while start > 0, list[start - 1] != 0x2C { start -= 1 }
            let entry = list.extracting(start..<end).trimmed()
            guard let hop = Identifier128(addressText: entry) else { break }
            nearest = PeerAddress(address: hop, port: 0)
            guard ClientAddress.isTrusted(nearest, trustedProxies) else { break }
            end = start - 1
        }
        address = nearest
    }

    private static func isTrusted(_ peer: PeerAddress, _ ranges: [AddressRange]) -> Bool {
        for range in ranges where range.contains(peer.address) { return true }
        return false
    }
}

extension Span where Element == UInt8 {
    /// These bytes without spaces and tabs at both ends.
    @_lifetime(copy self)
    func trimmed() -> Span<UInt8> {
        var start = 0
        var end = count
        while start < end, self[start] == .space || self[start] == .tab { start += 1 }
        while end > start, self[end - 1] == .space || self[end - 1] == .tab { end -= 1 }
        return extracting(start..<end)
    }
}
