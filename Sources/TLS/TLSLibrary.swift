import COpenSSL
import Crypto

/// One worker's own OpenSSL library context, with what all its TLS sessions share.
///
/// OpenSSL 3.0 takes locks inside a context, so each worker has one. The supervisor makes it and
/// builds contexts with it, which OpenSSL guards; everything else is the worker's thread's own.
@safe
public final class TLSLibrary: @unchecked Sendable {
    // Sendable: OpenSSL guards the context's insides; the rest is used by one thread.
    /// `OSSL_LIB_CTX *`.
    let context: OpaquePointer
    /// `EVP_CIPHER *`, AES-256-CBC, which tickets are sealed with.
    let ticketCipher: OpaquePointer
    /// The keys that tickets are sealed with; this library's alone until it adopts others.
    private(set) var ticketKeys: TicketKeys
    /// What fingerprints are made with.
    let hashing: FingerprintHashing

    /// What all sessions read and write through.
    let transport: TLSTransport
    /// What callbacks tell the engine about the handshake at hand.
    var hello = HelloScratch()

    /// Makes a context and fetches what tickets need.
    public init() throws(TLSError) {
        let keys = try TicketKeys(SessionTicketSettings())
        guard let hashing = try? FingerprintHashing() else { throw .libraryUnavailable }
        // Safe: a new context, which nobody else frees.
        guard let made = unsafe OSSL_LIB_CTX_new() else { throw .libraryUnavailable }
        guard let cipher = unsafe EVP_CIPHER_fetch(made, "AES-256-CBC", nil) else {
            unsafe OSSL_LIB_CTX_free(made)
            throw .algorithmUnavailable
        }
        do throws(TLSError) {
            transport = try unsafe TLSTransport(library: made)
        } catch {
            unsafe EVP_CIPHER_free(cipher)
            unsafe OSSL_LIB_CTX_free(made)
            throw error
        }
        unsafe context = made
        unsafe ticketCipher = cipher
        ticketKeys = keys
        self.hashing = hashing
    }

    deinit {
        // Safe: both were made in init and are freed here only.
        unsafe EVP_CIPHER_free(ticketCipher)
        unsafe OSSL_LIB_CTX_free(context)
    }

    /// Seals tickets with these keys from now on. On the worker's thread.
    public func adopt(_ keys: TicketKeys) {
        ticketKeys = keys
    }
}

/// SHA-256 for fingerprints, with the library that it comes from.
final class FingerprintHashing {
    /// The one digest at hand.
    var digests: SHA256
    private let library: CryptoLibrary

    /// Fetches SHA-256.
    init() throws(CryptoError) {
        let library = try CryptoLibrary()
        digests = try SHA256(library)
        self.library = library
    }
}
