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
    private let limits: RecordLimits
    /// Which rules took something out, and what was left out for want of room.
    private var marks = RedactionSet()
    private var omitted = OmittedCounts()
    private var hasMarks = false
    private var privacy: RecordPrivacy?
    /// The claims that a rule takes out, a bit for each `RecordField`.
    private var claims: UInt32

    /// An empty text.
    ///
    /// - Parameters:
    ///   - hash: Digests values that are cut.
    ///   - queryBytes: Longest query that a head may have.
    ///   - settings: Whose rules take claims out; nil for none.
    public init(hash: consuming SHA256, queryBytes: Int, settings: ProxySettings? = nil) {
        self.hash = hash
        limits = settings?.recordLimits ?? RecordLimits()
        privacy = settings?.privacy
        claims = settings?.privacy.redactedClaims ?? 0
        buffer = ByteBuffer(capacity: limits.maximumFieldBytes)
        // Twice as much, because what stands for a value taken out may be longer than the value.
        let scratchBytes = max(queryBytes, limits.bodyBytes) * 2
        pool = BufferPool(capacity: 1, bufferBytes: (scratchBytes + 63) / 64 * 64)
        let isLent = pool.lend(&scratch)
        precondition(isLent)
    }

    /// Goes by the rules of other settings, whose records are as long, from the next text on.
    public mutating func adopt(_ settings: ProxySettings) {
        removeAll()
        privacy = settings.privacy
        claims = settings.privacy.redactedClaims
    }

    /// The fields gathered, in `RecordField` form.
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.span }
    }

    /// Forgets everything.
    public mutating func removeAll() {
        buffer.removeAll()
        if hasMarks { forgetMarks() }
    }

    /// Appends which rules took something out and what was left out, once everything else is
    /// appended.
    public mutating func finish() {
        if hasMarks { appendMarks() }
    }

    private mutating func forgetMarks() {
        marks = RedactionSet()
        omitted = OmittedCounts()
        hasMarks = false
    }

    private mutating func appendMarks() {
        let marks = self.marks
        let omitted = self.omitted
        buffer.write {
            $0.appendRecordField(marks)
            $0.appendRecordField(omitted)
        }
        forgetMarks()
    }

    /// Appends `bytes`, cut if need be; nothing when they are empty. A claim that a rule takes out
    /// is replaced.
    public mutating func append(_ field: RecordField, _ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        guard claims & 1 << UInt32(field.rawValue) == 0 else {
            appendRedactedClaim(field, bytes)
            return
        }
        write(field, bytes)
    }

    private mutating func appendRedactedClaim(_ field: RecordField, _ bytes: Span<UInt8>) {
        guard let privacy else { preconditionFailure("a rule without settings") }
        let member: RedactedField =
            switch field {
            case .clientID: .clientID
            case .tokenID: .tokenID
            default: .subject
            }
        // What a certificate says in many forms is not shown in any.
        let isCertificate = field == .certificateSubject || field == .certificateName
        appendTakenOut(
            field, member, bytes, privacy.claimRule(field), privacy, isWhole: isCertificate)
    }

    private mutating func write(_ field: RecordField, _ bytes: Span<UInt8>) {
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
            guard let kind = detail.attribute.nameKind, !value.isEmpty else { continue }
            guard names < RecordLimits.certificateNameCount else {
                omitted.certificateNames &+= 1
                hasMarks = true
                continue
            }
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
        if head.hasQuery { appendQueryKeys(bytes.extracting(head.query)) }
        if let index = head.fields.first(.userAgent) {
            append(.userAgent, bytes.extracting(head.fields[index].value))
        }
    }

    /// Appends the names of the query's parameters.
    mutating func appendQueryKeys(_ query: Span<UInt8>) {
        scratch.consume(scratch.count)
        scratch.write { $0.appendQueryKeys(query) }
        append(.queryKeys, scratch.bytes)
    }

    /// Appends as `field` what `body` writes, and notes the rules that it names.
    ///
    /// - Returns: False when it did not fit: nothing was appended.
    @discardableResult
    mutating func compose(
        _ field: RecordField, _ body: (inout ByteWriter, inout RedactionSet) -> Void
    ) -> Bool {
        scratch.consume(scratch.count)
        var writer = scratch.writer()
        var noted = marks
        body(&writer, &noted)
        guard !writer.overflowed else { return false }
        scratch.commit(writer)
        marks = noted
        hasMarks = hasMarks || !noted.isEmpty
        let bytes = scratch.bytes
        if !bytes.isEmpty { write(field, bytes) }
        return true
    }

    /// Appends what was seen of a body.
    ///
    /// - Parameters:
    ///   - text: Its beginning, where the record may have it; else nothing.
    ///   - kind: How the text is read; what can't be read is not recorded.
    public mutating func append(
        body: BodyFacts, isRequest: Bool, text: Span<UInt8>, kind: BodyKind,
        settings: ProxySettings
    ) {
        buffer.write { $0.appendRecordField(isRequest ? .requestBody : .responseBody, body) }
        guard !text.isEmpty, kind != .opaque else { return }
        let isCut = body.isPartial || UInt64(text.count) < body.length
        let member = isRequest ? RedactedField.requestBody : .responseBody
        var noted = marks
        scratch.consume(scratch.count)
        var writer = scratch.writer()
        var isRead = true
        if kind == .json {
            isRead = JSONRedaction.append(
                text, isCut: isCut, of: member, settings.privacy, &noted, to: &writer)
        } else {
            writer.appendRedacted(query: text, of: member, settings.privacy, &noted)
        }
        guard isRead, !writer.overflowed else { return }
        scratch.commit(writer)
        marks = noted
        hasMarks = hasMarks || !noted.isEmpty
        let field = isRequest ? RecordField.requestText : .responseText
        guard isCut else {
            write(field, scratch.bytes)
            return
        }
        let limits = self.limits
        let shown = scratch.bytes
        buffer.write {
            $0.appendCutRecordField(
                field, shown, fullCount: Int(clamping: body.length), digest: body.digest,
                limits: limits)
        }
    }

    /// A digest's context for somebody else.
    public func makeHash() throws(CryptoError) -> SHA256 { try hash.another() }

    /// Appends `value` as `field`, or what stands in its place when `rule` takes it out.
    mutating func appendTakenOut(
        _ field: RecordField, _ member: RedactedField, _ value: Span<UInt8>, _ rule: UInt8,
        _ privacy: RecordPrivacy, isWhole: Bool = false
    ) {
        guard rule != RecordPrivacy.noRule, !value.isEmpty else {
            append(field, value)
            return
        }
        compose(field) { writer, marks in
            marks.insert(member, rule: rule)
            writer.appendPlaceholder(rule, for: isWhole ? Span() : value, privacy)
        }
    }

    /// Notes that `count` lines of chosen fields found no room.
    mutating func omit(_ count: UInt16, of field: RecordField) {
        guard count > 0 else { return }
        hasMarks = true
        if field == .header {
            omitted.requestHeaders &+= count
        } else {
            omitted.responseHeaders &+= count
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
