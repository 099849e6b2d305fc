import Primitives

/// HMAC-SHA-256 (RFC 2104) under one key that is used often: no allocation per message.
///
/// The key's two padded blocks lie in locked memory. It must not outlive the `CryptoLibrary` that
/// it was made from.
public struct MessageAuthentication: ~Copyable, Sendable {
    private var hash: SHA256
    /// The inner block, then the outer one.
    private let pads: SecretBytes

    /// Bytes of a block; longer keys are not taken.
    private static let blockBytes = 64

    /// A function under `key`, of at most 64 bytes.
    public init(key: Span<UInt8>, library: borrowing CryptoLibrary) throws(CryptoError) {
        precondition(key.count <= MessageAuthentication.blockBytes)
        let newHash = try SHA256(library)
        let pads = SecretBytes(capacity: 2 * MessageAuthentication.blockBytes) { output in
            for pad in [0x36, 0x5C] as [UInt8] {
                for index in 0..<MessageAuthentication.blockBytes {
                    output.append(index < key.count ? key[index] ^ pad : pad)
                }
            }
        }
        guard let pads else { throw .libraryUnavailable }
        self.pads = pads
        hash = newHash
        begin()
    }

    /// Starts a message; what was begun before is forgotten.
    public mutating func begin() {
        let pads = pads
        hash.begin()
        hash.update(pads.bytes.extracting(first: MessageAuthentication.blockBytes))
    }

    /// Adds `bytes` to the message begun.
    public mutating func update(_ bytes: Span<UInt8>) {
        hash.update(bytes)
    }

    /// Adds the literal's UTF-8 and a zero byte, which ends it.
    public mutating func update(label: StaticString) {
        // Safe: a StaticString's bytes live as long as the program.
        let bytes = unsafe UnsafeBufferPointer(
            start: label.utf8Start, count: label.utf8CodeUnitCount)
        unsafe hash.update(bytes.span)
        let end: InlineArray<1, UInt8> = [0]
        hash.update(end.span)
    }

    /// Ends the message, and answers its MAC.
    public mutating func finish() -> Digest256 {
        let pads = pads
        let inner = hash.finish().inlineBytes
        hash.begin()
        hash.update(pads.bytes.extracting(droppingFirst: MessageAuthentication.blockBytes))
        hash.update(inner.span)
        return hash.finish()
    }
}
