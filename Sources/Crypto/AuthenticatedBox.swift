import COpenSSL

/// ChaCha20-Poly1305 (RFC 8439) under one key, without associated data.
@safe
struct AuthenticatedBox: ~Copyable {
    private let context: OpaquePointer
    private let key: [UInt8]

    /// Bytes of a nonce, and of the tag behind each text.
    static let nonceBytes = 12
    static let tagBytes = 16

    init(key: [UInt8]) throws(CryptoError) {
        precondition(key.count == 32)
        guard let made = unsafe EVP_CIPHER_CTX_new() else { throw .libraryUnavailable }
        unsafe context = made
        self.key = key
    }

    deinit {
        // Safe: the context is owned once and freed here only.
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Appends the encryption of `text` and its tag.
    borrowing func seal(
        _ text: Span<UInt8>, nonce: [UInt8], into output: inout [UInt8]
    ) throws(CryptoError) {
        precondition(nonce.count == AuthenticatedBox.nonceBytes)
        let start = output.count
        let count = CInt(truncatingIfNeeded: text.count)
        output.append(contentsOf: repeatElement(0, count: text.count + AuthenticatedBox.tagBytes))
        var written: CInt = 0
        var rest: CInt = 0
        // Safe: the room behind `start` was made for the text and its tag; all else is read.
        let isSealed = unsafe text.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                guard let base = target.baseAddress else { return false }
                let place = unsafe base + start
                return unsafe EVP_EncryptInit_ex2(
                    context, EVP_chacha20_poly1305(), key, nonce, nil) == 1
                    && (count == 0
                        || EVP_EncryptUpdate(context, place, &written, source.baseAddress, count)
                            == 1)
                    && EVP_EncryptFinal_ex(context, place + Int(written), &rest) == 1
                    && EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_GET_TAG, CInt(AuthenticatedBox.tagBytes),
                        place + Int(count)) == 1
            }
        }
        guard isSealed, written == count, rest == 0 else { throw .algorithmUnavailable }
    }

    /// Appends what `sealed` holds; false when its tag says that it was changed.
    borrowing func open(
        _ sealed: Span<UInt8>, nonce: [UInt8], into output: inout [UInt8]
    ) -> Bool {
        precondition(nonce.count == AuthenticatedBox.nonceBytes)
        guard sealed.count >= AuthenticatedBox.tagBytes else { return false }
        let start = output.count
        let size = sealed.count - AuthenticatedBox.tagBytes
        let count = CInt(truncatingIfNeeded: size)
        output.append(contentsOf: repeatElement(0, count: size))
        // OpenSSL takes the tag as a pointer that it does not write to.
        var tag: [UInt8] = []
        for position in size..<sealed.count { tag.append(sealed[position]) }
        var written: CInt = 0
        var rest: CInt = 0
        var last = [UInt8](repeating: 0, count: AuthenticatedBox.tagBytes)
        // Safe: the room behind `start` was made for the text; the end of a stream cipher writes
        // nothing, and has an array of its own. All else is read.
        let isOpened = unsafe sealed.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                let place = unsafe target.baseAddress.map { unsafe $0 + start }
                return unsafe EVP_DecryptInit_ex2(
                    context, EVP_chacha20_poly1305(), key, nonce, nil) == 1
                    && EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_SET_TAG, CInt(tag.count), &tag) == 1
                    && (count == 0
                        || EVP_DecryptUpdate(context, place, &written, source.baseAddress, count)
                            == 1)
                    && EVP_DecryptFinal_ex(context, &last, &rest) == 1
            }
        }
        guard isOpened, written == count, rest == 0 else {
            ERR_clear_error()
            output.removeLast(size)
            return false
        }
        return true
    }
}
