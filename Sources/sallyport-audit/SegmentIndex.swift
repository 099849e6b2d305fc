import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The summaries of a sealed segment's batches, and which segment they are of.
///
/// All integers big-endian:
/// ```
///  0 "AIX1"   4 u32 batches   8 u64 segment's bytes   16 u64 where its seal frame begins
/// 24 [32] SHA-256 of the seal frame   56 u64 u64 the hashes' secret
/// ```
/// and per batch u64 offset, i64 i64 times, u16 kinds, u8 outcomes, u8 statuses (255: too many),
/// u16 each, u32 length of the filter and the filter; last SHA-256 of everything before.
///
/// The seal names the SHA-256 of the segment, so that an index of another segment, or of one that
/// was written again, is told by one look at the segment's end.
struct SegmentIndex: Equatable, Sendable {
    /// How the segment ends.
    struct Ending: Equatable, Sendable {
        let byteCount: UInt64
        let sealOffset: UInt64
        let sealDigest: Digest256
    }

    let ending: Ending
    let hasher: TokenHasher
    let blocks: [BlockSummary]

    private static let magic: UInt32 = 0x4149_5831
    private static let manyStatuses: UInt8 = 255

    init(ending: Ending, hasher: TokenHasher, blocks: [BlockSummary]) {
        self.ending = ending
        self.hasher = hasher
        self.blocks = blocks
    }

    func bytes(_ tree: inout TreeHasher) -> [UInt8] {
        var output: [UInt8] = []
        output.append(bigEndian: SegmentIndex.magic)
        output.append(bigEndian: UInt32(blocks.count))
        output.append(bigEndian: ending.byteCount)
        output.append(bigEndian: ending.sealOffset)
        output += ending.sealDigest.bytes
        output.append(bigEndian: hasher.first)
        output.append(bigEndian: hasher.second)
        for block in blocks {
            output.append(bigEndian: block.offset)
            output.append(bigEndian: block.firstTime.microseconds)
            output.append(bigEndian: block.lastTime.microseconds)
            output.append(bigEndian: block.kinds)
            output.append(block.outcomes)
            output.append(block.statuses.map { UInt8($0.count) } ?? SegmentIndex.manyStatuses)
            for status in block.statuses ?? [] { output.append(bigEndian: status) }
            output.append(bigEndian: UInt32(block.filter.bits.count))
            output += block.filter.bits
        }
        return output + tree.plain(output.span).bytes
    }

    /// Reads what `bytes` wrote; nil when it is anything else.
    init?(_ bytes: [UInt8], _ tree: inout TreeHasher) {
        let content = bytes.count - Digest256.byteCount
        guard content > 0,
            tree.plain(bytes.span.extracting(first: content)).bytes
                == Array(bytes[content...])
        else { return nil }
        var reader = IndexReader(bytes: bytes, end: content)
        guard reader.next(UInt32.self) == SegmentIndex.magic, let count = reader.next(UInt32.self),
            let size = reader.next(UInt64.self), let seal = reader.next(UInt64.self),
            let digest = reader.next(count: Digest256.byteCount).flatMap({ Digest256($0.span) }),
            let first = reader.next(UInt64.self), let second = reader.next(UInt64.self)
        else { return nil }
        var found: [BlockSummary] = []
        for _ in 0..<count {
            guard let block = SegmentIndex.block(&reader) else { return nil }
            found.append(block)
        }
        guard reader.isAtEnd else { return nil }
        ending = Ending(byteCount: size, sealOffset: seal, sealDigest: digest)
        hasher = TokenHasher(first: first, second: second)
        blocks = found
    }

    private static func block(_ reader: inout IndexReader) -> BlockSummary? {
        guard let offset = reader.next(UInt64.self), let first = reader.next(Int64.self),
            let last = reader.next(Int64.self), let kinds = reader.next(UInt16.self),
            let outcomes = reader.next(UInt8.self), let count = reader.next(UInt8.self)
        else { return nil }
        var block = BlockSummary(offset: offset)
        block.firstTime = WallTime(microseconds: first)
        block.lastTime = WallTime(microseconds: last)
        block.kinds = kinds
        block.outcomes = outcomes
        var statuses: [UInt16] = []
        if count != manyStatuses {
            for _ in 0..<count {
                guard let status = reader.next(UInt16.self) else { return nil }
                statuses.append(status)
            }
        }
        block.statuses = count == manyStatuses ? nil : statuses
        guard let length = reader.next(UInt32.self), let bits = reader.next(count: Int(length))
        else { return nil }
        block.filter = TokenFilter(bits: bits)
        return block
    }
}

/// Takes an index's bytes apart.
private struct IndexReader {
    let bytes: [UInt8]
    let end: Int
    private var offset = 0

    init(bytes: [UInt8], end: Int) {
        self.bytes = bytes
        self.end = end
    }

    var isAtEnd: Bool { offset == end }

    mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        guard let taken = next(count: Number.bitWidth / 8) else { return nil }
        return taken.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func next(count: Int) -> [UInt8]? {
        guard count <= end - offset else { return nil }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }
}

extension [UInt8] {
    /// Appends an integer's bytes, the highest first.
    fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
