import COpenSSL
import Primitives

/// SHA-256 (FIPS 180-4) over one reused context: no allocation per digest.
///
/// It must not outlive the `CryptoLibrary` it was made from.
@safe
public struct SHA256: ~Copyable, @unchecked Sendable {
    // Sendable: the context moves with its one owner.
    private let context: OpaquePointer

    /// Makes a context that uses the library's SHA-256.
    public init(_ library: borrowing CryptoLibrary) throws(CryptoError) {
        guard let made = unsafe EVP_MD_CTX_new() else { throw .libraryUnavailable }
        // Safe: both pointers are live; the context keeps its own reference to the algorithm.
        guard unsafe EVP_DigestInit_ex2(made, library.sha256, nil) == 1 else {
            unsafe EVP_MD_CTX_free(made)
            throw .algorithmUnavailable
        }
        unsafe context = made
    }

    private init(owning context: OpaquePointer) {
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// The digest of `bytes`.
    public mutating func digest(_ bytes: Span<UInt8>) -> Digest256 {
        begin()
        update(bytes)
        return finish()
    }

    /// Starts a digest; what was begun before is forgotten.
    public mutating func begin() {
        // Safe: the context is live; no algorithm named means the same one again.
        let result = unsafe EVP_DigestInit_ex2(context, nil, nil)
        precondition(result == 1)
    }

    /// Adds `bytes` to the digest begun.
    public mutating func update(_ bytes: Span<UInt8>) {
        // Safe: the bytes are only read, for the length of the call.
        let result = unsafe bytes.withUnsafeBytes {
            unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
        }
        precondition(result == 1)
    }

    /// The digest of what was added so far; more can be added afterwards. It allocates.
    public borrowing func soFar() throws(CryptoError) -> Digest256 {
        guard let made = unsafe EVP_MD_CTX_new() else { throw .libraryUnavailable }
        // Safe: both contexts are live; the copy is this function's own until it is owned.
        guard unsafe EVP_MD_CTX_copy_ex(made, context) == 1 else {
            unsafe EVP_MD_CTX_free(made)
            throw .libraryUnavailable
        }
        var copy = unsafe SHA256(owning: made)
        return copy.finish()
    }

    /// Ends the digest begun.
    public mutating func finish() -> Digest256 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Safe: SHA-256 writes exactly the 32 bytes that four words have.
        let result = unsafe withUnsafeMutableBytes(of: &words) { target in
            unsafe EVP_DigestFinal_ex(
                context, target.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
        }
        precondition(result == 1)
        return Digest256(
            words: (
                UInt64(bigEndian: words.0), UInt64(bigEndian: words.1),
                UInt64(bigEndian: words.2), UInt64(bigEndian: words.3)
            ))
    }
}
