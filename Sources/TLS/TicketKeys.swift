import Crypto

/// The keys that session tickets are sealed with, the current one first: shared by all workers, so
/// that a session is resumed whichever worker answers.
///
/// They lie in OpenSSL's secure heap, are made by its generator, and are never written anywhere: a
/// restart begins with new ones.
public final class TicketKeys: Sendable {
    /// Bytes of the name that a ticket carries to say which key it was sealed with.
    static let nameBytes = 16
    /// Bytes of the AES-256 key, and of the HMAC-SHA-256 key.
    static let keyBytes = 32
    /// Most earlier keys that are still accepted.
    public static let earlierLimit = 64

    /// Name, cipher key and HMAC key of one after another.
    private static let stride = nameBytes + 2 * keyBytes

    /// All of them, one after the other.
    let secret: SecretBytes
    /// Most earlier keys that a rotation keeps.
    private let earlierCount: Int

    /// How many keys there are.
    public var count: Int { secret.count / TicketKeys.stride }

    /// One new key; rotated at the settings' pace, a key goes once the last ticket that it sealed
    /// has run out.
    public convenience init(_ settings: SessionTicketSettings) throws(TLSError) {
        let rotation = max(Int(settings.rotationSeconds), 1)
        let kept = (Int(settings.lifetimeSeconds) + rotation - 1) / rotation
        try self.init(earlierCount: min(kept, TicketKeys.earlierLimit), after: nil)
    }

    private init(earlierCount: Int, after previous: SecretBytes?) throws(TLSError) {
        self.earlierCount = earlierCount
        let old = min(previous?.count ?? 0, earlierCount * TicketKeys.stride)
        let made = SecretBytes(capacity: TicketKeys.stride + old) { output in
            // Safe: the whole room for one key is filled, then counted as filled.
            unsafe output.withUnsafeMutableBufferPointer { buffer, filled in
                let room = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[..<TicketKeys.stride])
                unsafe RandomBytes.fill(room)
                filled = TicketKeys.stride
            }
            guard let previous else { return }
            let bytes = previous.bytes
            for index in 0..<old { output.append(bytes[index]) }
        }
        guard let made else { throw .outOfMemory }
        secret = made
    }

    /// A new key in front of these, of which the oldest go.
    public func rotated() throws(TLSError) -> TicketKeys {
        try TicketKeys(earlierCount: earlierCount, after: secret)
    }

    /// The place of the key with this name; 0 is the current one.
    func find(_ name: Span<UInt8>) -> Int? {
        guard name.count == TicketKeys.nameBytes else { return nil }
        let secret = secret
        let bytes = secret.bytes
        for place in 0..<count {
            let start = place * TicketKeys.stride
            var isEqual = true
            // A name is no secret: it stands in every ticket.
            for index in 0..<TicketKeys.nameBytes where bytes[start + index] != name[index] {
                isEqual = false
                break
            }
            if isEqual { return place }
        }
        return nil
    }

    /// Where the name of the key at `place` lies in `secret`.
    static func name(_ place: Int) -> Range<Int> {
        let start = place * stride
        return start..<(start + nameBytes)
    }

    /// Where the AES-256 key of the key at `place` lies in `secret`.
    static func cipherKey(_ place: Int) -> Range<Int> {
        let start = place * stride + nameBytes
        return start..<(start + keyBytes)
    }

    /// Where the HMAC-SHA-256 key of the key at `place` lies in `secret`.
    static func macKey(_ place: Int) -> Range<Int> {
        let start = place * stride + nameBytes + keyBytes
        return start..<(start + keyBytes)
    }
}
