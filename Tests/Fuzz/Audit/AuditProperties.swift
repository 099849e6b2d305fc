import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// What must hold of the texts and frames of a log, and of what processes say about it, whatever
/// the bytes are.
public enum AuditProperties {
    /// Whatever is read has one form: written again, it is the same bytes.
    public static func checkText(_ bytes: [UInt8]) {
        if let note = try? SignedNote(bytes) {
            precondition(note.bytes == bytes)
            if let checkpoint = try? Checkpoint(text: note.text) {
                precondition(checkpoint.text.count <= note.text.count)
            }
        }
        precondition(NoteFile.notes(in: bytes).reduce(0) { $0 + $1.count } <= bytes.count)
        if let request = SignerRequest(bytes) { precondition(request.bytes == bytes) }
        if let reply = SignerReply(bytes) { precondition(reply.bytes == bytes) }
        if let state = try? SignerState(bytes) { precondition(state.bytes == bytes) }
        for place in LocalRequest.Place.allCases {
            guard let request = try? LocalRequest(bytes, at: place) else { continue }
            let again = try? LocalRequest(request.line, at: place)
            precondition(again == request)
        }
        if let head = try? SegmentHead(json: bytes) { precondition(head.json == bytes) }
        if let seal = try? SegmentSeal(json: bytes) { precondition(seal.json == bytes) }
        _ = try? BatchAccount(json: bytes)
        _ = try? EpochCertificate(core: bytes)
        _ = LegalHolds(file: bytes).forbidsErasure
        _ = try? TransparencyProof(bytes)
    }

    /// A segment of frames: read to its end or to the first that is refused. The checksum is made
    /// to fit, because no fuzzer finds it.
    public static func checkFrames(_ bytes: [UInt8]) {
        guard let library = try? CryptoLibrary(),
            var reader = try? FrameReader(library: library)
        else { preconditionFailure("no cryptography") }
        let segment = summed(bytes)
        var offset = 0
        var index: UInt64 = 0
        while let frame = try? reader.next(segment.span, at: offset) {
            precondition(frame.offset == offset && frame.end > offset)
            precondition(frame.end <= segment.count)
            precondition(frame.clear.upperBound <= frame.sealed.upperBound)
            precondition(frame.sealed.upperBound <= frame.end)
            let clear = Array(segment[frame.clear])
            switch frame.header.type {
            case .batch:
                guard let batch = try? BatchHeader(clear: clear.span) else {
                    preconditionFailure("a batch that was accepted can't be read")
                }
                precondition(batch.firstIndex == index && batch.entriesEnd <= clear.count)
                index += UInt64(batch.count)
                _ = try? batch.account(clear: clear)
                open(Array(segment[frame.sealed]), flags: frame.header.flags)
            case .head: _ = try? SegmentHead(json: clear)
            case .seal: _ = try? SegmentSeal(json: clear)
            case .checkpoint: _ = try? SignedNote(clear)
            }
            precondition(reader.nextIndex == index)
            offset = frame.end
        }
        open(bytes, flags: 0)
    }

    /// Reads the records of a batch as far as they go.
    private static func open(_ sealed: [UInt8], flags: UInt8) {
        guard var batch = try? SealedBatch(sealed.span, flags: flags) else { return }
        while let record = try? batch.next() {
            precondition(record.parts.count <= TreeHasher.maximumParts)
        }
    }

    /// The bytes with the checksum of each frame that is whole.
    private static func summed(_ bytes: [UInt8]) -> [UInt8] {
        let crc = CRC32C()
        var segment = bytes
        var offset = 0
        while offset < segment.count,
            let header = try? FrameHeader(
                segment.span.extracting(droppingFirst: offset))
        {
            let content = FrameHeader.byteCount + header.clearCount + header.sealedCount
            guard header.frameCount <= segment.count - offset else { break }
            for place in 24..<28 { segment[offset + place] = 0 }
            let sum = crc.checksum(segment.span.extracting(offset..<offset + content))
            for place in 0..<4 {
                segment[offset + 24 + place] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * place))
            }
            offset += header.frameCount
        }
        return segment
    }
}
