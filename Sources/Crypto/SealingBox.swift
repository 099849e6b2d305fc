import COpenSSL
import Primitives

/// ChaCha20-Poly1305 (RFC 8439) under many keys, one after the other: no allocation per text.
///
/// What it makes is nonce ‖ ciphertext ‖ tag. Nonces are random: a key may seal 2^32 texts before
/// two of them are likely to have the same one (chance 2^-33).
@safe
public struct SealingBox: ~Copyable, @unchecked Sendable {
    // Sendable: context and memory move with their one owner.
    private let context: OpaquePointer
    private let memory: UnsafeMutablePointer<UInt8>
    private let nonces: UnsafeMutablePointer<UInt8>
    private var noncesLeft = 0
    private var count = 0
    /// Longest text.
    public let capacity: Int

    private static let nonceBytes = 12
    private static let tagBytes = 16
    private static let noncesAtOnce = 1024 * nonceBytes
    /// Bytes that a sealed text has more than the text.
    public static let overheadBytes = nonceBytes + tagBytes

    /// A box for texts of at most `capacity` bytes.
    public init(capacity: Int) throws(CryptoError) {
        precondition(capacity > 0 && capacity < 1 << 30)
        guard let made = unsafe EVP_CIPHER_CTX_new() else { throw .libraryUnavailable }
        // Safe: the context is new; later calls name no cipher and so keep this one.
        guard unsafe EVP_EncryptInit_ex2(made, EVP_chacha20_poly1305(), nil, nil, nil) == 1 else {
            unsafe EVP_CIPHER_CTX_free(made)
            throw .algorithmUnavailable
        }
        unsafe context = made
        self.capacity = capacity
        unsafe memory = .allocate(capacity: capacity + SealingBox.overheadBytes)
        unsafe nonces = .allocate(capacity: SealingBox.noncesAtOnce)
    }

    deinit {
        // Safe: all three are owned once and freed here only.
        unsafe EVP_CIPHER_CTX_free(context)
        unsafe memory.deallocate()
        unsafe nonces.deallocate()
    }

    /// What the last `seal` made.
    public var sealed: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Safe: the first `count` bytes were written by `seal`.
            let bytes = unsafe Span(_unsafeStart: UnsafePointer(memory), count: count)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Seals `text` under `key`; `sealed` has it until the next call.
    public mutating func seal(_ text: Span<UInt8>, key: Digest256) throws(CryptoError) {
        precondition(text.count <= capacity)
        takeNonce()
        let size = CInt(truncatingIfNeeded: text.count)
        let keyBytes = key.inlineBytes
        var written: CInt = 0
        var rest: CInt = 0
        let target = unsafe memory + SealingBox.nonceBytes
        // Safe: the memory has room for nonce, text and tag; all else is read.
        let isSealed = unsafe keyBytes.span.withUnsafeBufferPointer { key in
            unsafe text.withUnsafeBufferPointer { source in
                unsafe EVP_EncryptInit_ex2(context, nil, key.baseAddress, memory, nil) == 1
                    && (size == 0
                        || EVP_EncryptUpdate(
                            context, target, &written, source.baseAddress, size) == 1)
                    && EVP_EncryptFinal_ex(context, target + Int(written), &rest) == 1
                    && EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_GET_TAG, CInt(SealingBox.tagBytes),
                        target + text.count) == 1
            }
        }
        guard isSealed, written == size, rest == 0 else { throw .algorithmUnavailable }
        count = SealingBox.overheadBytes + text.count
    }

    /// The text in `sealed`; nil when it was changed, or sealed under another key.
    public static func open(_ sealed: Span<UInt8>, key: Digest256) throws(CryptoError) -> [UInt8]? {
        guard sealed.count >= overheadBytes else { return nil }
        var keyBytes: [UInt8] = []
        let bytes = key.inlineBytes
        for index in 0..<Digest256.byteCount { keyBytes.append(bytes[index]) }
        var nonce: [UInt8] = []
        for index in 0..<nonceBytes { nonce.append(sealed[index]) }
        let box = try AuthenticatedBox(key: keyBytes)
        var text: [UInt8] = []
        let rest = sealed.extracting(droppingFirst: nonceBytes)
        return box.open(rest, nonce: nonce, into: &text) ? text : nil
    }

    /// Puts the next nonce at the beginning of the memory. One call of the generator is for 1024.
    private mutating func takeNonce() {
        if noncesLeft == 0 {
            // Safe: all of the memory is filled.
            unsafe RandomBytes.fill(
                UnsafeMutableRawBufferPointer(start: nonces, count: SealingBox.noncesAtOnce))
            noncesLeft = SealingBox.noncesAtOnce
        }
        noncesLeft -= SealingBox.nonceBytes
        // Safe: both have room for a nonce there.
        unsafe memory.update(from: nonces + noncesLeft, count: SealingBox.nonceBytes)
    }
}
