import CZstd
import Crypto
import Primitives

/// One record as a batch holds it.
public struct StoredRecord: Equatable, Sendable {
    /// A part of a record and its salt.
    public struct Part: Equatable, Sendable {
        /// The salt of the part's hash, 16 bytes.
        public var salt: [UInt8]
        /// The part's JSON.
        public var bytes: [UInt8]

        /// A part of these bytes under this salt.
        public init(salt: [UInt8], bytes: [UInt8]) {
            self.salt = salt
            self.bytes = bytes
        }
    }

    /// What kind of entry it is.
    public var kind: UInt8
    /// Core, subject and detail.
    public var parts: [Part]

    /// A record of this kind and these parts.
    public init(kind: UInt8, parts: [Part]) {
        self.kind = kind
        self.parts = parts
    }

    /// The entry that commits to the record.
    public func entry(_ hasher: inout TreeHasher) -> [UInt8] {
        var hashes: [Digest256] = []
        for (number, part) in parts.prefix(TreeHasher.maximumParts).enumerated() {
            hashes.append(
                hasher.part(
                    UInt8(truncatingIfNeeded: number), salt: part.salt.span,
                    bytes: part.bytes.span))
        }
        let commitment = hasher.commitment(hashes.span)
        return Array("al1".utf8) + [kind] + commitment.bytes
    }

    /// The JSON of part `number`, empty when the record has no such part.
    public func part(_ number: Int) -> [UInt8] {
        number < parts.count ? parts[number].bytes : []
    }
}

/// The records of one batch, out of its sealed bytes.
public struct SealedBatch: Sendable {
    let plain: [UInt8]
    private var offset = 0
    /// Most bytes that a batch may have before compression.
    public static let limitBytes = 1 << 26

    /// Opens the sealed bytes of a batch frame: one whole zstd frame, nothing after it, inside one
    /// age file when the flags say so.
    ///
    /// - Throws: `sealedEncrypted` without identities, `sealedForOthers` when none opens it,
    ///   `sealedChanged` when it is not the age file that was written.
    public init(
        _ sealed: Span<UInt8>, flags: UInt8, identities: [AgeIdentity] = []
    ) throws(EvidenceError) {
        guard flags & FrameHeader.encrypted != 0 else {
            try self.init(compressed: sealed)
            return
        }
        guard !identities.isEmpty else { throw .sealedEncrypted }
        let opened: [UInt8]
        do {
            opened = try AgeFile.decrypt(sealed, identities: identities)
        } catch .ageFileForOthers {
            throw .sealedForOthers
        } catch .ageFileMalformed, .ageFileChanged {
            throw .sealedChanged
        } catch {
            throw .cryptographyFailed
        }
        try self.init(compressed: opened.span)
    }

    private init(compressed sealed: Span<UInt8>) throws(EvidenceError) {
        // Safe: the bytes are only read, for the length of the calls.
        let content = unsafe sealed.withUnsafeBytes { source -> (count: Int, isOne: Bool) in
            let size = unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count)
            let length = unsafe ZSTD_findFrameCompressedSize(source.baseAddress, source.count)
            return (Int(exactly: size) ?? -1, length == source.count)
        }
        guard content.isOne, content.count > 0, content.count <= SealedBatch.limitBytes else {
            throw .sealedMalformed
        }
        var filledCount = 0
        // Safe: at most as many bytes are written as the array has.
        plain = unsafe [UInt8](unsafeUninitializedCapacity: content.count) { memory, filled in
            let result = unsafe sealed.withUnsafeBytes {
                unsafe ZSTD_decompress(
                    memory.baseAddress, content.count, $0.baseAddress, $0.count)
            }
            filled = ZSTD_isError(result) == 0 ? result : 0
            filledCount = filled
        }
        guard filledCount == content.count else { throw .sealedMalformed }
    }

    /// The next record, or nil after the last.
    public mutating func next() throws(EvidenceError) -> StoredRecord? {
        guard offset < plain.count else { return nil }
        let size = Int(try number(at: offset, end: plain.count))
        let end = offset + 4 + size
        guard end <= plain.count, size >= 2 else { throw .sealedMalformed }
        var record = StoredRecord(kind: plain[offset + 4], parts: [])
        let count = Int(plain[offset + 5])
        guard count <= TreeHasher.maximumParts else { throw .sealedMalformed }
        offset += 6
        for _ in 0..<count {
            let saltEnd = offset + TreeHasher.saltBytes
            let length = Int(try number(at: saltEnd, end: end))
            let start = saltEnd + 4
            guard length <= end - start else { throw .sealedMalformed }
            record.parts.append(
                StoredRecord.Part(
                    salt: Array(plain[offset..<saltEnd]),
                    bytes: Array(plain[start..<start + length])))
            offset = start + length
        }
        guard offset == end else { throw .sealedMalformed }
        return record
    }

    private func number(at offset: Int, end: Int) throws(EvidenceError) -> UInt32 {
        guard offset + 4 <= end else { throw .sealedMalformed }
        return plain.span.bigEndian(at: offset)
    }
}
