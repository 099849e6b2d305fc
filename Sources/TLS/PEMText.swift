import COpenSSL
import Crypto

/// Reads what stands in PEM files (RFC 7468), one object after the other.
///
/// To OpenSSL's question for a passphrase it answers that there is none, so that nobody is asked
/// for one on a terminal.
// Safe: a BIO over borrowed bytes is freed before they go, and what is read from it is the
// caller's to free.
enum PEMText {
    /// What reading one more object gave.
    @unsafe
    enum Item {
        case object(OpaquePointer)
        case end
        case malformed
    }

    /// Why there is no private key.
    enum KeyFailure: Error {
        case missing, encrypted, malformed
    }

    /// Gives `body` a BIO over `text`; false when there is no memory for one.
    static func read(_ text: Span<UInt8>, _ body: (OpaquePointer) -> Void) -> Bool {
        guard let length = CInt(exactly: text.count) else { return false }
        return unsafe text.withUnsafeBytes { bytes in
            guard let memory = unsafe BIO_new_mem_buf(bytes.baseAddress, length) else {
                return false
            }
            unsafe body(memory)
            unsafe BIO_free(memory)
            ERR_clear_error()
            return true
        }
    }

    /// The next certificate: `X509 *`.
    static func nextCertificate(_ memory: OpaquePointer, _ library: TLSLibrary) -> Item {
        var certificate = unsafe X509_new_ex(library.context, nil)
        guard unsafe certificate != nil else { return unsafe .malformed }
        guard unsafe PEM_read_bio_X509(memory, &certificate, { _, _, _, _ in -1 }, nil) != nil,
            let certificate = unsafe certificate
        else {
            unsafe X509_free(certificate)
            return unsafe atEnd ? .end : .malformed
        }
        return unsafe .object(certificate)
    }

    /// The next revocation list: `X509_CRL *`.
    static func nextRevocations(_ memory: OpaquePointer, _ library: TLSLibrary) -> Item {
        var list = unsafe X509_CRL_new_ex(library.context, nil)
        guard unsafe list != nil else { return unsafe .malformed }
        guard unsafe PEM_read_bio_X509_CRL(memory, &list, { _, _, _, _ in -1 }, nil) != nil,
            let list = unsafe list
        else {
            unsafe X509_CRL_free(list)
            return unsafe atEnd ? .end : .malformed
        }
        return unsafe .object(list)
    }

    /// The first private key: `EVP_PKEY *`. What is decoded on the way lies in the secure heap.
    static func privateKey(
        _ memory: OpaquePointer, _ library: TLSLibrary
    ) throws(KeyFailure) -> OpaquePointer {
        var bytes: UnsafeMutablePointer<UInt8>?
        var name: UnsafeMutablePointer<CChar>?
        var length = 0
        var wasAsked = false
        let result = unsafe PEM_bytes_read_bio_secmem(
            &bytes, &length, &name, PEM_STRING_EVP_PKEY, memory,
            { _, _, _, asked in
                unsafe asked?.assumingMemoryBound(to: Bool.self).pointee = true
                return -1
            }, &wasAsked)
        guard result == 1, let start = unsafe bytes else {
            if wasAsked { throw .encrypted }
            throw atEnd ? .missing : .malformed
        }
        let kind = if let name = unsafe name { unsafe String(cString: name) } else { "" }
        unsafe sallyport_free_secret(name, 0)
        defer { unsafe sallyport_free_secret(start, length) }
        guard kind != PEM_STRING_PKCS8 else { throw .encrypted }
        var place: UnsafePointer<UInt8>? = unsafe UnsafePointer(start)
        guard let key = unsafe d2i_AutoPrivateKey_ex(nil, &place, length, library.context, nil)
        else { throw .malformed }
        return unsafe key
    }

    /// Whether the last failure was that no further object begins.
    private static var atEnd: Bool {
        let code = ERR_peek_last_error()
        defer { ERR_clear_error() }
        return ERR_GET_REASON(code) == PEM_R_NO_START_LINE && ERR_GET_LIB(code) == ERR_LIB_PEM
    }
}
