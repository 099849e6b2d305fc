import AuditRecords
import Crypto
import Primitives

/// Makes pseudonyms under an epoch's key: the same value has the same one until the epoch ends,
/// and nobody without the key can tell which value it is, not even by trying all values.
///
/// A pseudonym is the first 16 bytes of HMAC-SHA-256(key, label ‖ 0 ‖ form ‖ value), where the
/// form is 0. A value that its record would have cut has the form 1 and its SHA-256 instead. The
/// label is the member's name, so that two members with one value can't be told to have it.
public struct PseudonymKey: ~Copyable, Sendable {
    /// What records name.
    public let id: UInt64
    private var function: MessageAuthentication

    /// Bytes of a pseudonym's text, which are hexadecimal digits.
    public static let textBytes = 32
    /// Label of the place of a subject's row in a keyring.
    public static let place: StaticString = "place"
    /// Label of addresses: the client's and the peer's are the same when they are.
    public static let address: StaticString = "ip"

    /// The key of the epoch's first row.
    public init(
        row: KeyRow, epoch: UInt64, wrapping: inout MessageAuthentication,
        library: borrowing CryptoLibrary
    ) throws(CryptoError) {
        let key = row.key(epoch: epoch, wrapping: &wrapping).inlineBytes
        function = try MessageAuthentication(key: key.span, library: library)
        id = row.id
    }

    /// The MAC of a whole value.
    public mutating func digest(_ label: StaticString, _ value: Span<UInt8>) -> Digest256 {
        digest(label, form: 0, value)
    }

    /// The MAC of a value that was cut, by the digest of all of it.
    public mutating func digest(_ label: StaticString, cut digest: Span<UInt8>) -> Digest256 {
        self.digest(label, form: 1, digest)
    }

    /// The MAC of an address, in its 16 bytes (IPv4 mapped, RFC 4291 §2.5.5.2).
    public mutating func digest(_ address: Identifier128) -> Digest256 {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        for offset in 0..<8 {
            let shift = UInt64(56 &- offset &* 8)
            bytes[offset] = UInt8(truncatingIfNeeded: address.high >> shift)
            bytes[offset &+ 8] = UInt8(truncatingIfNeeded: address.low >> shift)
        }
        return digest(PseudonymKey.address, bytes.span)
    }

    /// The MAC of `text` as the value of `field`, whatever its length.
    public mutating func digest(
        _ label: StaticString, _ text: [UInt8], of field: RecordField, hash: inout SHA256
    ) -> Digest256 {
        guard text.count > RecordLimits().bytes(of: field) else {
            return digest(label, text.span)
        }
        let whole = hash.digest(text.span).inlineBytes
        return digest(label, cut: whole.span)
    }

    private mutating func digest(
        _ label: StaticString, form: UInt8, _ value: Span<UInt8>
    ) -> Digest256 {
        let prefix: InlineArray<1, UInt8> = [form]
        function.begin()
        function.update(label: label)
        function.update(prefix.span)
        function.update(value)
        return function.finish()
    }
}

extension Digest256 {
    /// The pseudonym that these MAC's first 16 bytes are, as records have it.
    public var pseudonym: String { words.0.hexText + words.1.hexText }
}
