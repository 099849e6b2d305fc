/// A SHA-256 value (FIPS 180-4) as four big-endian words.
public struct Digest256: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// Bytes 0–7, 8–15, 16–23 and 24–31, each as a big-endian number.
    public var words: (UInt64, UInt64, UInt64, UInt64)

    /// Bytes in a digest.
    public static let byteCount = 32
    /// The digest of all zero bytes; no known input has it.
    public static let zero = Digest256(words: (0, 0, 0, 0))

    /// The digest with these big-endian words.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// The digest in 32 `bytes`; nil when there are not 32.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Digest256.byteCount else { return nil }
        words = (
            bytes.word(at: 0).byteSwapped, bytes.word(at: 8).byteSwapped,
            bytes.word(at: 16).byteSwapped, bytes.word(at: 24).byteSwapped
        )
    }

    /// Whether all 32 bytes agree; stops early, so not for secrets.
    @inlinable
    public static func == (left: Digest256, right: Digest256) -> Bool { left.words == right.words }

    /// Feeds all four words.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension ByteWriter {
    /// Appends the 32 bytes of `digest`.
    @inlinable
    public mutating func append(_ digest: Digest256) {
        appendBigEndian(digest.words.0)
        appendBigEndian(digest.words.1)
        appendBigEndian(digest.words.2)
        appendBigEndian(digest.words.3)
    }

    /// Appends 64 hexadecimal digits.
    @inlinable
    public mutating func appendHex(_ digest: Digest256) {
        appendHex(digest.words.0, digits: 16)
        appendHex(digest.words.1, digits: 16)
        appendHex(digest.words.2, digits: 16)
        appendHex(digest.words.3, digits: 16)
    }
}

extension Digest256 {
    /// 64 hexadecimal digits, lower case. For people: it makes a String.
    public var hexText: String {
        [words.0, words.1, words.2, words.3].map(\.hexText).joined()
    }
}

extension UInt64 {
    /// 16 hexadecimal digits, lower case, as log ids and boot ids are printed.
    public var hexText: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
