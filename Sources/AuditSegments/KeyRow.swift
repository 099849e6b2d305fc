import Crypto
import Primitives

/// A row of a keyring's file: what one key is made from (audit log format §8).
///
/// ```
///  0 u64 key id, random   8 i64 created, µs UTC   16 [32] place   48 [32] secret, random
/// 80 [12] 0   92 u32 CRC-32C of the 92 bytes before
/// ```
/// The first row of a file is the epoch's own key, for pseudonyms, and its place is zero. Every
/// other row is a subject's: its place is the MAC of the subject under the epoch's key. The key
/// itself stands nowhere: it is the MAC of the row under the wrapping key, so that without the
/// secret nobody can make it again. A row of zeros was erased, or never written.
public struct KeyRow: Sendable, Equatable {
    /// What records name.
    public var id: UInt64
    /// When it was made.
    public var created: WallTime
    /// The subject's MAC under the epoch's key; zero in the first row.
    public var place: Digest256
    /// Without it there is no key.
    public var secret: Digest256

    /// Bytes of a row.
    public static let byteCount = 96
    /// Bytes that the key is made from, and bytes that the checksum covers.
    private static let keyedBytes = 80
    private static let checkedBytes = 92

    /// A new row for `place`.
    public init(place: Digest256, created: WallTime) {
        id = RandomBytes.number()
        self.created = created
        self.place = place
        secret = Digest256(
            words: (
                RandomBytes.number(), RandomBytes.number(), RandomBytes.number(),
                RandomBytes.number()
            ))
    }

    /// The row in `bytes`; nil when it was erased or is damaged.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == KeyRow.byteCount,
            CRC32C().checksum(bytes.extracting(first: KeyRow.checkedBytes))
                == bytes.bigEndian(at: KeyRow.checkedBytes),
            let place = Digest256(bytes.extracting(16..<48)),
            let secret = Digest256(bytes.extracting(48..<80)), secret != .zero
        else { return nil }
        id = bytes.bigEndian(at: 0)
        created = WallTime(
            microseconds: Int64(bitPattern: bytes.bigEndian(at: 8, as: UInt64.self)))
        self.place = place
        self.secret = secret
    }

    /// The row's bytes.
    public var bytes: InlineArray<96, UInt8> {
        var bytes = InlineArray<96, UInt8>(repeating: 0)
        let (placeBytes, secretBytes) = (place.inlineBytes, secret.inlineBytes)
        KeyRow.store(id, in: &bytes, at: 0)
        KeyRow.store(UInt64(bitPattern: created.microseconds), in: &bytes, at: 8)
        for offset in 0..<Digest256.byteCount {
            bytes[offset + 16] = placeBytes[offset]
            bytes[offset + 48] = secretBytes[offset]
        }
        let checksum = CRC32C().checksum(bytes.span.extracting(first: KeyRow.checkedBytes))
        for offset in 0..<4 {
            let shift = UInt32(24 - offset * 8)
            bytes[KeyRow.checkedBytes + offset] = UInt8(truncatingIfNeeded: checksum >> shift)
        }
        return bytes
    }

    /// The key that this row of the epoch `epoch` stands for.
    public func key(epoch: UInt64, wrapping: inout MessageAuthentication) -> Digest256 {
        var number = InlineArray<8, UInt8>(repeating: 0)
        for offset in 0..<8 {
            number[offset] = UInt8(truncatingIfNeeded: epoch >> UInt64(56 - offset * 8))
        }
        wrapping.begin()
        wrapping.update(label: "sallyport key")
        wrapping.update(number.span)
        wrapping.update(bytes.span.extracting(first: KeyRow.keyedBytes))
        return wrapping.finish()
    }

    private static func store(
        _ number: UInt64, in bytes: inout InlineArray<96, UInt8>, at start: Int
    ) {
        for offset in 0..<8 {
            bytes[start + offset] = UInt8(truncatingIfNeeded: number >> UInt64(56 - offset * 8))
        }
    }
}
