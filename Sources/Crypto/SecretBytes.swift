import COpenSSL

/// Bytes that nobody else may see, such as a private key's file: in the secure heap, cleared when
/// the last reference goes.
@safe
public final class SecretBytes: @unchecked Sendable {
    // Sendable: filled by init, and never changed afterwards.
    private let memory: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    /// How many there are.
    public let count: Int

    /// What `fill` writes, into memory for at most `capacity` bytes that is the secret's own: no
    /// copy is left elsewhere.
    ///
    /// Nil when there is no such memory left.
    public init?<Failure: Error>(
        capacity: Int, _ fill: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(capacity >= 0)
        let size = max(capacity, 1)
        // Safe: the memory is this value's own, of `size` bytes, and freed here or in deinit only.
        guard let raw = unsafe CRYPTO_secure_zalloc(size, #fileID, CInt(#line)) else { return nil }
        let bytes = unsafe raw.bindMemory(to: UInt8.self, capacity: size)
        let buffer = unsafe UnsafeMutableBufferPointer(start: bytes, count: capacity)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        do throws(Failure) {
            try fill(&output)
        } catch {
            unsafe CRYPTO_secure_clear_free(raw, size, #fileID, CInt(#line))
            throw error
        }
        count = unsafe output.finalize(for: buffer)
        unsafe memory = bytes
        self.capacity = size
    }

    /// A copy of `bytes`; nil when there is no such memory left.
    public convenience init?(copying bytes: Span<UInt8>) {
        self.init(capacity: bytes.count) { output in
            for index in 0..<bytes.count { output.append(bytes[index]) }
        }
    }

    deinit {
        // Safe: allocated once, with this size.
        unsafe CRYPTO_secure_clear_free(memory, capacity, #fileID, CInt(#line))
    }

    /// The bytes, for as long as this object is held.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Safe: the memory lives as long as the object, which the span borrows.
            let span = unsafe Span(_unsafeStart: memory, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}
