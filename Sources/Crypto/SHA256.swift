import COpenSSL
import Primitives

/// SHA-256 (FIPS 180-4) over one reused context: no allocation per digest.
///
/// Where the library's SHA-256 is the default provider's, its functions are called by name: EVP
/// makes and frees a context of the provider for each digest, which costs as much as a block.
/// Any other provider (FIPS) is called through EVP. docs/decisions/0010 has the figures.
///
/// It must not outlive the `CryptoLibrary` it was made from.
@safe
public struct SHA256: ~Copyable, @unchecked Sendable {
    // Sendable: both contexts move with their one owner.
    private let state: UnsafeMutablePointer<SHA256_CTX>
    /// The provider's context; nil where the functions are called by name.
    private let context: OpaquePointer?

    /// Makes a context that uses the library's SHA-256.
    ///
    /// - Parameter throughProvider: Call it through EVP even if it is the default provider's.
    public init(
        _ library: borrowing CryptoLibrary, throughProvider: Bool = false
    ) throws(CryptoError) {
        if library.isDefaultSHA256, !throughProvider {
            unsafe context = nil
        } else {
            guard let made = unsafe EVP_MD_CTX_new() else { throw .libraryUnavailable }
            // Safe: both pointers are live; the context keeps its own reference to the algorithm.
            guard unsafe EVP_DigestInit_ex2(made, library.sha256, nil) == 1 else {
                unsafe EVP_MD_CTX_free(made)
                throw .algorithmUnavailable
            }
            unsafe context = made
        }
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SHA256_CTX())
        begin()
    }

    private init(owning context: OpaquePointer) {
        unsafe self.context = context
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SHA256_CTX())
    }

    /// Another context that uses the same SHA-256.
    public borrowing func another() throws(CryptoError) -> SHA256 {
        guard let context = unsafe context else { return SHA256() }
        guard let made = unsafe EVP_MD_CTX_new() else { throw .libraryUnavailable }
        // Safe: both contexts are live; the copy is this function's own until it is owned.
        guard unsafe EVP_MD_CTX_copy_ex(made, context) == 1 else {
            unsafe EVP_MD_CTX_free(made)
            throw .libraryUnavailable
        }
        var copy = unsafe SHA256(owning: made)
        copy.begin()
        return copy
    }

    /// A context of the functions that are called by name.
    private init() {
        unsafe context = nil
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SHA256_CTX())
        begin()
    }

    deinit {
        if let context = unsafe context { unsafe EVP_MD_CTX_free(context) }
        unsafe state.deallocate()
    }

    /// The digest of `bytes`.
    public mutating func digest(_ bytes: Span<UInt8>) -> Digest256 {
        begin()
        update(bytes)
        return finish()
    }

    /// Starts a digest; what was begun before is forgotten.
    public mutating func begin() {
        let result: CInt
        // Safe: the context is live; no algorithm named means the same one again.
        if let context = unsafe context {
            result = unsafe EVP_DigestInit_ex2(context, nil, nil)
        } else {
            result = unsafe sallyport_sha256_init(state)
        }
        precondition(result == 1)
    }

    /// Adds `bytes` to the digest begun.
    public mutating func update(_ bytes: Span<UInt8>) {
        // Safe: the bytes are only read, for the length of the call.
        let result = unsafe bytes.withUnsafeBytes {
            if let context = unsafe context {
                unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
            } else {
                unsafe sallyport_sha256_update(state, $0.baseAddress, $0.count)
            }
        }
        precondition(result == 1)
    }

    /// The digest of what was added so far; more can be added afterwards. It may allocate.
    public borrowing func soFar() throws(CryptoError) -> Digest256 {
        guard let context = unsafe context else {
            // Safe: the copy is this function's own.
            var copy = unsafe state.pointee
            return unsafe SHA256.digest { unsafe sallyport_sha256_final(&copy, $0) }
        }
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
        if let context = unsafe context {
            unsafe SHA256.digest { unsafe EVP_DigestFinal_ex(context, $0, nil) }
        } else {
            unsafe SHA256.digest { unsafe sallyport_sha256_final(state, $0) }
        }
    }

    /// The digest that `final` writes: exactly 32 bytes, and it answers 1.
    @inline(__always)
    private static func digest(_ final: (UnsafeMutablePointer<UInt8>?) -> CInt) -> Digest256 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Safe: SHA-256 writes exactly the 32 bytes that four words have.
        let result = unsafe withUnsafeMutableBytes(of: &words) { target in
            unsafe final(target.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        precondition(result == 1)
        return Digest256(
            words: (
                UInt64(bigEndian: words.0), UInt64(bigEndian: words.1),
                UInt64(bigEndian: words.2), UInt64(bigEndian: words.3)
            ))
    }
}
