import AuditRecords
import Crypto
import HTTP
import Primitives

/// The text of one request's record, gathered while the request is judged. One per worker.
///
/// A value past its limit is cut; the record then says how long it was and its SHA-256
/// (audit log format §2), so that it can still be matched with what the client sent.
public struct RecordDraft: ~Copyable {
    private var buffer: ByteBuffer
    /// Where a value that no peer sent in one piece is put together.
    private var scratch = PooledBuffer.none
    private var pool: BufferPool
    private var hash: SHA256
    private let limits = RecordLimits()

    /// An empty text.
    ///
    /// - Parameters:
    ///   - hash: Digests values that are cut.
    ///   - queryBytes: Longest query that a head may have.
    public init(hash: consuming SHA256, queryBytes: Int) {
        self.hash = hash
        buffer = ByteBuffer(capacity: limits.maximumFieldBytes)
        pool = BufferPool(capacity: 1, bufferBytes: (queryBytes + 63) / 64 * 64)
        let isLent = pool.lend(&scratch)
        precondition(isLent)
    }

    /// The fields gathered, in `RecordField` form.
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.span }
    }

    /// Forgets everything.
    public mutating func removeAll() {
        buffer.removeAll()
    }

    /// Appends `bytes`, cut if need be; nothing when they are empty.
    public mutating func append(_ field: RecordField, _ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        let limits = self.limits
        if buffer.write({ $0.appendRecordField(field, bytes, limits: limits) }) { return }
        let digest = hash.digest(bytes)
        buffer.write {
            $0.appendCutRecordField(
                field, bytes, fullCount: bytes.count, digest: digest, limits: limits)
        }
    }

    /// Appends the first 16 bytes of the token's digest.
    public mutating func appendThumbprint(_ digest: Digest256) {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        for offset in 0..<8 {
            let shift = UInt64(56 - offset * 8)
            bytes[offset] = UInt8(truncatingIfNeeded: digest.words.0 >> shift)
            bytes[offset + 8] = UInt8(truncatingIfNeeded: digest.words.1 >> shift)
        }
        append(.tokenThumbprint, bytes.span)
    }

    /// Appends what a client's certificate says: its hash, its subject, and its first names, each
    /// behind the kind of name that it is.
    ///
    /// - Parameter details: In the form of `CertificateAttribute`.
    public mutating func append(certificate: Digest256, details: Span<UInt8>) {
        scratch.consume(scratch.count)
        scratch.write { $0.append(certificate) }
        append(.certificateHash, scratch.bytes)
        var offset = 0
        var names = 0
        while let detail = details.nextCertificateDetail(&offset) {
            let value = details.extracting(detail.value)
            if detail.attribute == .subject { append(.certificateSubject, value) }
            guard let kind = detail.attribute.nameKind, !value.isEmpty,
                names < RecordLimits.certificateNameCount
            else { continue }
            names += 1
            scratch.consume(scratch.count)
            scratch.write { writer in
                writer.append(kind)
                writer.append(value)
            }
            append(.certificateName, scratch.bytes)
        }
    }

    /// Appends what the head says: authority, path, names of query parameters, user agent.
    public mutating func append(head: borrowing RequestHead, bytes: Span<UInt8>) {
        if head.method == .other { append(.method, bytes.extracting(head.methodText)) }
        append(.authority, bytes.extracting(head.authority))
        append(.path, head.path(in: bytes))
        if head.hasQuery {
            scratch.consume(scratch.count)
            scratch.write { $0.appendQueryKeys(bytes.extracting(head.query)) }
            append(.queryKeys, scratch.bytes)
        }
        if let index = head.fields.first(.userAgent) {
            append(.userAgent, bytes.extracting(head.fields[index].value))
        }
    }
}

extension CertificateAttribute {
    /// What stands before a name of this kind in a record; nil when it is no name.
    fileprivate var nameKind: StaticString? {
        switch self {
        case .subject, .issuer: nil
        case .uri: "uri:"
        case .dns: "dns:"
        case .email: "email:"
        case .address: "ip:"
        }
    }
}
