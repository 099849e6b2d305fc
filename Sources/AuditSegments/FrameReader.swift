import Crypto
import Primitives

/// One whole frame of a segment: where its pieces lie.
public struct Frame: Equatable, Sendable, BitwiseCopyable {
    /// Where the frame begins in its segment.
    public let offset: Int
    /// What its first 64 bytes say.
    public let header: FrameHeader
    /// SHA-256 of the frame, padding included: what the next frame names.
    public let digest: Digest256

    /// Where the clear bytes lie in the segment.
    public var clear: Range<Int> {
        let start = offset + FrameHeader.byteCount
        return start..<start + header.clearCount
    }

    /// Where the sealed bytes lie in the segment.
    public var sealed: Range<Int> { clear.upperBound..<clear.upperBound + header.sealedCount }

    /// Where the next frame begins.
    public var end: Int { offset + header.frameCount }
}

/// Takes a log's segments apart and makes sure that each frame follows the one before.
@safe
public struct FrameReader: ~Copyable, Sendable {
    /// Number that the next frame must have.
    public private(set) var nextNumber: UInt64
    /// Hash that the next frame must name.
    public private(set) var previous: Digest256
    /// Index at which the next batch must begin.
    public private(set) var nextIndex: UInt64
    private var place = Place.start
    private var hasher: TreeHasher
    private let crc = CRC32C()

    private enum Place {
        case start
        case inside
        case sealed
    }

    /// Expects these of the next frame; a log's first frame has number 0 and names no other.
    public init(
        nextNumber: UInt64 = 0, previous: Digest256 = .zero, nextIndex: UInt64 = 0,
        library: borrowing CryptoLibrary
    ) throws(EvidenceError) {
        self.nextNumber = nextNumber
        self.previous = previous
        self.nextIndex = nextIndex
        hasher = try TreeHasher(library)
    }

    /// Whether the segment has come to its seal.
    public var isSealed: Bool { place == .sealed }

    /// The next frame begins a segment.
    public mutating func beginSegment() {
        place = .start
    }

    /// Goes on at a segment whose beginning is known some other way, after a defect.
    public mutating func resume(number: UInt64, previous: Digest256, index: UInt64) {
        nextNumber = number
        self.previous = previous
        nextIndex = index
        place = .start
    }

    /// The frame at `offset` of `segment`, or nil at its end.
    ///
    /// Nothing but zeros is an end as well: a file that is written to was filled with them before
    /// (format §5). In a segment that another one follows they are a defect; the caller knows.
    /// A frame that is refused changes nothing.
    public mutating func next(
        _ segment: Span<UInt8>, at offset: Int
    ) throws(EvidenceError) -> Frame? {
        guard offset < segment.count else { return nil }
        let bytes = segment.extracting(droppingFirst: offset)
        if bytes[0] == 0, bytes.countWithoutTrailingZeros == 0 { return nil }
        let header = try FrameHeader(bytes)
        guard header.frameCount <= bytes.count else { throw .frame(.cut) }
        let contentCount = FrameHeader.byteCount + header.clearCount + header.sealedCount
        guard checksum(bytes.extracting(first: contentCount)) == header.checksum else {
            throw .frame(.checksum)
        }
        for position in contentCount..<header.frameCount where bytes[position] != 0 {
            throw .frame(.reserved)
        }
        guard header.number == nextNumber else { throw .frame(.number(found: header.number)) }
        guard header.previous == previous else { throw .frame(.previous) }
        guard place == .start ? header.type == .head : place == .inside && header.type != .head
        else { throw .frame(.order) }
        var index = nextIndex
        if header.type == .batch {
            let clear = bytes.extracting(
                FrameHeader.byteCount..<FrameHeader.byteCount + header.clearCount)
            let batch = try BatchHeader(clear: clear)
            let isEncrypted = header.flags & FrameHeader.encrypted != 0
            guard isEncrypted || clear.count == batch.entriesEnd else { throw .batchMalformed }
            guard batch.firstIndex == nextIndex else {
                throw .frame(.firstIndex(found: batch.firstIndex))
            }
            index += UInt64(batch.count)
        }
        let digest = hasher.plain(bytes.extracting(first: header.frameCount))
        nextNumber += 1
        previous = digest
        nextIndex = index
        place = header.type == .seal ? .sealed : .inside
        return Frame(offset: offset, header: header, digest: digest)
    }

    private borrowing func checksum(_ content: Span<UInt8>) -> UInt32 {
        let field = FrameHeader.checksumOffset
        let start = crc.checksum(content.extracting(first: field))
        let middle = crc.checksum(([0, 0, 0, 0] as [UInt8]).span, continuing: start)
        return crc.checksum(content.extracting(droppingFirst: field + 4), continuing: middle)
    }
}
