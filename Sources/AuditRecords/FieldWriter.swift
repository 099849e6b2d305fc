import Primitives

/// How text lies behind a record's facts. The layout never leaves the process.
///
/// ```
/// 0 u8 RecordField   1 u8 flags (bit 0: cut)   2 u16 count
/// when cut:  4 u32 full count   8 [32] SHA-256 of the full value
/// then `count` bytes
/// ```
public enum RecordFieldFormat {
    /// Bytes before the value of a whole field.
    public static let headBytes = 4
    /// Bytes before the value of a cut field.
    public static let cutHeadBytes = 4 + 4 + Digest256.byteCount
    static let isCut: UInt8 = 1
}

extension ByteWriter {
    /// Appends `bytes` as the value of `field`.
    ///
    /// - Returns: False when they are past the limit and nothing was written: the caller then
    ///   digests the whole value and calls `appendCutRecordField`.
    @inlinable
    public mutating func appendRecordField(
        _ field: RecordField, _ bytes: Span<UInt8>, limits: borrowing RecordLimits
    ) -> Bool {
        guard bytes.count <= limits.bytes(of: field) else { return false }
        append(field.rawValue)
        append(0)
        appendBigEndian(UInt16(truncatingIfNeeded: bytes.count))
        append(bytes)
        return true
    }

    /// Appends the beginning of a value past its limit, and what is needed to know the rest by.
    ///
    /// `prefix` may itself be longer than the limit; it is cut, never inside a UTF-8 sequence.
    ///
    /// - Parameters:
    ///   - fullCount: Bytes of the whole value.
    ///   - digest: SHA-256 of the whole value.
    public mutating func appendCutRecordField(
        _ field: RecordField, _ prefix: Span<UInt8>, fullCount: Int, digest: Digest256,
        limits: borrowing RecordLimits
    ) {
        let end = prefix.sequenceBoundary(upTo: limits.bytes(of: field))
        append(field.rawValue)
        append(RecordFieldFormat.isCut)
        appendBigEndian(UInt16(truncatingIfNeeded: end))
        appendBigEndian(UInt32(clamping: fullCount))
        append(digest)
        append(prefix.extracting(0..<end))
    }
}

/// Walks the fields behind a record's facts.
public struct FieldReader: ~Copyable {
    private var offset = 0

    /// One field: where its value lies, and what was cut.
    public struct Field: BitwiseCopyable, Sendable {
        /// What the value says.
        public var field: RecordField
        /// Where the value lies in the fields.
        public var value: ByteRange
        /// Bytes of the whole value when it was cut, else 0; its digest lies just before `value`.
        public var fullCount: UInt32
    }

    /// A reader that stands before the first field.
    @inlinable
    public init() {}

    /// The next field of `fields`, which must be the same bytes at each call; nil at their end.
    ///
    /// The bytes come from this process, so that a bad one is a bug and ends it.
    public mutating func next(in fields: Span<UInt8>) -> Field? {
        guard offset < fields.count else { return nil }
        guard let field = RecordField(rawValue: fields[offset]) else {
            preconditionFailure("a record field of no known kind")
        }
        let count = Int(fields.bigEndian(at: offset &+ 2, as: UInt16.self))
        var start = offset &+ RecordFieldFormat.headBytes
        var fullCount: UInt32 = 0
        if fields[offset &+ 1] & RecordFieldFormat.isCut != 0 {
            fullCount = fields.bigEndian(at: start)
            start = offset &+ RecordFieldFormat.cutHeadBytes
        }
        precondition(count <= fields.count &- start)
        offset = start &+ count
        return Field(
            field: field, value: ByteRange(start: start, count: count), fullCount: fullCount)
    }
}
