import AuditRecords
import Primitives

/// What a frame holds.
public enum FrameType: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// First in its segment: which log, which key, what comes before.
    case head = 1
    /// Records: their entries in the clear, the records themselves sealed.
    case batch = 2
    /// A signed note for the tree of all earlier frames.
    case checkpoint = 3
    /// Last in its segment: nothing follows.
    case seal = 4
}

/// The 64 bytes before each frame's own (format §3), all integers big-endian.
///
/// ```
///  0 "ALF1"   4 u8 type   5 u8 flags   6 u16 0
///  8 u64 frame number   16 u32 clear length   20 u32 sealed length
/// 24 u32 CRC-32C of (header with this field 0, clear, sealed)
/// 28 [32] SHA-256 of the previous frame, padding included   60 u32 0
/// ```
///
/// Clear bytes, sealed bytes and zeros up to a multiple of 8 follow. Frame numbers and the chain of
/// hashes run on from segment to segment; the first frame of a log has number 0 and hash zero.
public struct FrameHeader: Equatable, Sendable, BitwiseCopyable {
    /// What the frame holds.
    public var type: FrameType
    /// `FrameHeader.encrypted`, or 0.
    public var flags: UInt8
    /// Counts the frames of the log from 0.
    public var number: UInt64
    /// Bytes in the clear.
    public var clearCount: Int
    /// Bytes after them that are compressed, and encrypted when the flag says so.
    public var sealedCount: Int
    /// CRC-32C of header (this field 0), clear and sealed.
    public var checksum: UInt32
    /// SHA-256 of the frame before, all zero for the first.
    public var previous: Digest256

    /// Bytes of a header.
    public static let byteCount = 64
    /// Where the CRC lies.
    static let checksumOffset = 24
    /// Flag: the sealed bytes are one age file.
    public static let encrypted: UInt8 = 1
    /// Most clear bytes, and most sealed bytes.
    public static let limitBytes = 1 << 26

    /// A header of these values, without a CRC yet.
    public init(
        type: FrameType, flags: UInt8 = 0, number: UInt64, clearCount: Int, sealedCount: Int,
        previous: Digest256
    ) {
        self.type = type
        self.flags = flags
        self.number = number
        self.clearCount = clearCount
        self.sealedCount = sealedCount
        checksum = 0
        self.previous = previous
    }

    /// Bytes of the whole frame, its padding included.
    public var frameCount: Int {
        (FrameHeader.byteCount + clearCount + sealedCount + 7) & ~7
    }

    /// Reads the header at the start of `bytes`.
    public init(_ bytes: Span<UInt8>) throws(EvidenceError) {
        guard bytes.count >= FrameHeader.byteCount else { throw .frame(.cut) }
        guard bytes.bigEndian(at: 0, as: UInt32.self) == 0x414C_4631 else { throw .frame(.magic) }
        guard let type = FrameType(rawValue: bytes[4]) else { throw .frame(.type(bytes[4])) }
        guard bytes[5] & ~FrameHeader.encrypted == 0,
            bytes.bigEndian(at: 6, as: UInt16.self) == 0,
            bytes.bigEndian(at: 60, as: UInt32.self) == 0
        else { throw .frame(.reserved) }
        let clear = Int(bytes.bigEndian(at: 16, as: UInt32.self))
        let sealed = Int(bytes.bigEndian(at: 20, as: UInt32.self))
        guard clear <= FrameHeader.limitBytes, sealed <= FrameHeader.limitBytes,
            let previous = Digest256(bytes.extracting(28..<60))
        else { throw .frame(.length) }
        let number = bytes.bigEndian(at: 8, as: UInt64.self)
        // No log comes that far, and there has to be a number for the next frame.
        guard number < .max else { throw .frame(.number(found: number)) }
        self.init(
            type: type, flags: bytes[5], number: number, clearCount: clear,
            sealedCount: sealed, previous: previous)
        checksum = bytes.bigEndian(at: FrameHeader.checksumOffset)
    }

    func append(to writer: inout ByteWriter) {
        writer.append("ALF1")
        writer.append(type.rawValue)
        writer.append(flags)
        writer.appendBigEndian(UInt16(0))
        writer.appendBigEndian(number)
        writer.appendBigEndian(UInt32(truncatingIfNeeded: clearCount))
        writer.appendBigEndian(UInt32(truncatingIfNeeded: sealedCount))
        writer.appendBigEndian(checksum)
        writer.append(previous)
        writer.appendBigEndian(UInt32(0))
    }
}

/// The start of a batch frame's clear bytes: u64 first index, u32 count, u64 first and last time.
///
/// `count` entries of 36 bytes follow, and in an encrypted batch its `BatchAccount`. Times are wall-clock microseconds of the records' own.
public struct BatchHeader: Equatable, Sendable, BitwiseCopyable {
    /// Index of the first entry in the log.
    public var firstIndex: UInt64
    /// Entries in the batch.
    public var count: Int
    /// Earliest time of a record.
    public var firstTime: WallTime
    /// Latest time of a record.
    public var lastTime: WallTime

    /// Bytes before the entries.
    public static let byteCount = 28

    /// A header of these values.
    public init(firstIndex: UInt64, count: Int, firstTime: WallTime, lastTime: WallTime) {
        self.firstIndex = firstIndex
        self.count = count
        self.firstTime = firstTime
        self.lastTime = lastTime
    }

    /// Reads the clear bytes of a batch, which have to hold as many entries as they count.
    ///
    /// What else they may hold depends on the frame's flags: `FrameReader` looks at it.
    public init(clear: Span<UInt8>) throws(EvidenceError) {
        guard clear.count >= BatchHeader.byteCount else { throw .batchMalformed }
        let count = Int(clear.bigEndian(at: 8, as: UInt32.self))
        guard count > 0, clear.count >= BatchHeader.byteCount + count * TreeHasher.entryBytes
        else { throw .batchMalformed }
        self.init(
            firstIndex: clear.bigEndian(at: 0), count: count,
            firstTime: WallTime(microseconds: clear.bigEndian(at: 12)),
            lastTime: WallTime(microseconds: clear.bigEndian(at: 20)))
    }

    /// Where the entry at `position` of the batch lies in the clear bytes.
    public static func entryRange(_ position: Int) -> Range<Int> {
        let start = byteCount + position * TreeHasher.entryBytes
        return start..<start + TreeHasher.entryBytes
    }

    /// Bytes of the header and its entries.
    public var entriesEnd: Int { BatchHeader.entryRange(count).lowerBound }

    /// The account behind the entries of an encrypted batch.
    public func account(clear: [UInt8]) throws(EvidenceError) -> BatchAccount {
        try BatchAccount(json: Array(clear.dropFirst(entriesEnd)))
    }

    func append(to writer: inout ByteWriter) {
        writer.appendBigEndian(firstIndex)
        writer.appendBigEndian(UInt32(truncatingIfNeeded: count))
        writer.appendBigEndian(firstTime.microseconds)
        writer.appendBigEndian(lastTime.microseconds)
    }
}

/// What a segment's head frame says, as JSON in RFC 8785 form.
public struct SegmentHead: Equatable, Sendable {
    /// The log's name.
    public var origin: String
    /// The `vkey` of its checkpoints.
    public var verifierKey: String
    /// Index of the first entry that this or a later segment holds.
    public var firstIndex: UInt64
    /// Recipients (`age1…`) that the sealed parts are encrypted to; none when they are not.
    public var recipients: [String] = []
    /// The boot that writes the segment.
    public var boot: UInt64
    /// The program's version.
    public var build: String
    /// SHA-256 of the settings file.
    public var settingsDigest: Digest256
    /// SHA-256 of the segment before as far as it is whole, all zero when there is none.
    public var previousSegment: Digest256
    /// Whether everything before ended with a clean shutdown, or there is nothing before.
    public var isClean: Bool
    /// The log that this one replaces, because its continuity could not be proven.
    public var replaces: String?

    private static let format = 1

    /// A head of these values.
    public init(
        origin: String, verifierKey: String, firstIndex: UInt64, boot: UInt64, build: String,
        settingsDigest: Digest256, previousSegment: Digest256, isClean: Bool,
        replaces: String? = nil
    ) {
        self.origin = origin
        self.verifierKey = verifierKey
        self.firstIndex = firstIndex
        self.boot = boot
        self.build = build
        self.settingsDigest = settingsDigest
        self.previousSegment = previousSegment
        self.isClean = isClean
        self.replaces = replaces
    }

    /// The JSON, its members sorted.
    public var json: [UInt8] {
        var members: [String: CanonicalValue] = [
            "boot": .string(boot.hexText), "build": .string(build), "clean": .boolean(isClean),
            "config": .string(settingsDigest.hexText), "first": .count(firstIndex),
            "format": .integer(Int64(SegmentHead.format)), "origin": .string(origin),
            "previous": .string(previousSegment.hexText),
            "recipients": .array(recipients.map { .string($0) }), "vkey": .string(verifierKey),
        ]
        if let replaces { members["replaces"] = .string(replaces) }
        return CanonicalValue.object(members).bytes
    }

    /// Reads what `json` wrote.
    public init(json bytes: [UInt8]) throws(EvidenceError) {
        let text = CanonicalObject(bytes)
        guard text.isObject, text.integer("format") == Int64(SegmentHead.format),
            let origin = text.string("origin"), let key = text.string("vkey"),
            let first = text.integer("first"), first >= 0,
            let bootText = text.string("boot"), let boot = UInt64(bootText, radix: 16),
            let build = text.string("build"), let isClean = text.boolean("clean"),
            let settings = text.digest("config"), let previous = text.digest("previous")
        else { throw .headMalformed }
        self.init(
            origin: origin, verifierKey: key, firstIndex: UInt64(first), boot: boot, build: build,
            settingsDigest: settings, previousSegment: previous, isClean: isClean,
            replaces: text.string("replaces"))
        recipients = text.strings("recipients") ?? []
        // One head has one form: what is signed for by its hash should not hide a second member.
        guard json == bytes else { throw .headMalformed }
    }
}

/// What a segment's seal frame says, as JSON.
public struct SegmentSeal: Equatable, Sendable {
    /// Index after the last entry of the segment.
    public var end: UInt64
    /// SHA-256 of the file up to the seal frame.
    public var digest: Digest256

    /// A seal of these values.
    public init(end: UInt64, digest: Digest256) {
        self.end = end
        self.digest = digest
    }

    /// The JSON; `last` is the last entry's index, -1 in a log without one.
    public var json: [UInt8] {
        CanonicalValue.object([
            "last": .integer(Int64(end) - 1), "sha256": .string(digest.hexText),
        ]).bytes
    }

    /// Reads what `json` wrote.
    public init(json bytes: [UInt8]) throws(EvidenceError) {
        let text = CanonicalObject(bytes)
        guard text.isObject, let last = text.integer("last"), last >= -1,
            let digest = text.digest("sha256")
        else { throw .headMalformed }
        self.init(end: UInt64(last + 1), digest: digest)
        guard json == bytes else { throw .headMalformed }
    }
}

extension UInt64 {
    /// Twenty decimal digits, as segments are named.
    public var twentyDigits: String {
        let digits = String(self)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }
}
