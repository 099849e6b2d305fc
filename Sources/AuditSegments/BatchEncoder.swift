import AuditRecords
import CZstd
import Crypto
import Primitives

/// Turns records into one batch frame: commitments and entries, tree leaves, compressed records.
///
/// All memory is made in `init`; a record allocates nothing. Sealed bytes are, before zstd, per
/// record: u32 length ‖ u8 kind ‖ u8 n ‖ n × (salt[16] ‖ u32 length ‖ bytes). With recipients, what
/// zstd made becomes one age file, and the clear bytes gain the batch's account.
@safe
public struct BatchEncoder: ~Copyable, @unchecked Sendable {
    // Sendable: everything here moves with its one owner.
    private let frame: UnsafeMutablePointer<UInt8>
    private let frameCapacity: Int
    private let plain: UnsafeMutablePointer<UInt8>
    private var plainCount = 0
    private let salts: UnsafeMutablePointer<UInt8>
    private var saltsLeft = 0
    private let compressor: OpaquePointer
    private let crc: CRC32C
    private var hasher: TreeHasher
    private let recipients: [AgeRecipient]
    private var account = BatchAccount()
    /// The account's JSON, as `compress` put it into the frame.
    private var accountCount = 0

    /// Records in the batch.
    public private(set) var count = 0
    private var firstIndex: UInt64 = 0
    private var firstTime = WallTime(microseconds: .max)
    private var lastTime = WallTime(microseconds: .min)
    private var sealedCount = 0
    private var frameCount = 0

    /// Bytes of records that a batch may hold before compression.
    public let capacity: Int
    /// Most records that a batch may hold.
    public let countLimit: Int
    private static let parts = 3
    /// u32 length, u8 kind, u8 n, and per part a salt and a u32 length.
    private static let overhead = headBytes + parts * partHeadBytes
    private static let headBytes = 6
    private static let partHeadBytes = TreeHasher.saltBytes + 4
    private static let saltsAtOnce = 1024 * parts * TreeHasher.saltBytes
    /// Most bytes in an account for each record (a gap leaf, or a run of its own), and beside them.
    private static let accountBytesEach = 96
    private static let accountBytes = 64 << 10

    /// An encoder of batches of at most `capacity` bytes and `countLimit` records.
    ///
    /// - Parameters:
    ///   - level: zstd's; docs/decisions/0009 says how the writer's was chosen.
    ///   - recipients: Whom batches are encrypted to; nobody means that they are not encrypted.
    public init(
        capacity: Int, countLimit: Int, level: Int32, recipients: [AgeRecipient] = [],
        library: borrowing CryptoLibrary
    ) throws(EvidenceError) {
        precondition(capacity > 0 && countLimit > 0)
        let newHasher = try TreeHasher(library)
        guard let made = unsafe ZSTD_createCCtx() else { throw .compressionFailed }
        hasher = newHasher
        crc = CRC32C()
        self.capacity = capacity
        self.countLimit = countLimit
        self.recipients = recipients
        _ = unsafe ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, level)
        unsafe compressor = made
        let compressed = ZSTD_compressBound(capacity)
        let accounts =
            BatchEncoder.accountBytes + countLimit * BatchEncoder.accountBytesEach
        frameCapacity =
            FrameHeader.byteCount + BatchHeader.byteCount + countLimit * TreeHasher.entryBytes
            + (recipients.isEmpty
                ? compressed
                : accounts
                    + AgeFile.byteCount(plainCount: compressed, recipients: recipients.count))
            + 8
        unsafe frame = .allocate(capacity: frameCapacity)
        unsafe plain = .allocate(capacity: capacity)
        unsafe salts = .allocate(capacity: BatchEncoder.saltsAtOnce)
    }

    deinit {
        unsafe ZSTD_freeCCtx(compressor)
        unsafe frame.deallocate()
        unsafe plain.deallocate()
        unsafe salts.deallocate()
    }

    /// Bytes of records in the batch, before compression.
    public var byteCount: Int { plainCount }

    /// Adds a record of three parts as the next entry of `tree`; false when the batch has no room.
    ///
    /// - Throws: `recordTooLarge` for a record that no batch has room for.
    public mutating func add(
        kind: UInt8, time: WallTime, core: Span<UInt8>, subject: Span<UInt8>,
        detail: Span<UInt8>, tree: inout LogTree
    ) throws(EvidenceError) -> Bool {
        let size = BatchEncoder.overhead + core.count + subject.count + detail.count
        guard size <= capacity else { throw .recordTooLarge }
        guard size <= capacity - plainCount, count < countLimit else { return false }
        let start = plainCount + BatchEncoder.headBytes + BatchEncoder.partHeadBytes
        let places = RecordParts(
            core: ByteRange(start: start, count: core.count),
            subject: ByteRange(
                start: start + core.count + BatchEncoder.partHeadBytes, count: subject.count),
            detail: ByteRange(
                start: plainCount + size - detail.count, count: detail.count))
        store(core, at: places.core.lower)
        store(subject, at: places.subject.lower)
        store(detail, at: places.detail.lower)
        if !recipients.isEmpty {
            account.take(kind: kind, core: core.indices.map { core[$0] })
        }
        complete(kind, time, places, &tree)
        return true
    }

    /// Adds the record of a request as the next entry of `tree`; false when the batch has no room.
    ///
    /// Its parts are written where they stay, and hashed there.
    ///
    /// - Throws: `recordTooLarge` for a record that no batch has room for.
    public mutating func add(
        _ facts: RecordFacts, fields: Span<UInt8>, encoder: inout PartsEncoder,
        tree: inout LogTree
    ) throws(EvidenceError) -> Bool {
        guard count < countLimit else { return false }
        // Safe: the memory is this value's own, and the writer does not outlive this call.
        var writer = unsafe ByteWriter(
            over: UnsafeMutableBufferPointer(start: plain, count: capacity), count: plainCount)
        writer.skip(BatchEncoder.headBytes)
        let places = encoder.encode(
            facts, fields: fields, gap: BatchEncoder.partHeadBytes, into: &writer)
        guard !writer.overflowed else {
            if count == 0 { throw .recordTooLarge }
            return false
        }
        if !recipients.isEmpty {
            account.record(worker: Int(facts.worker), sequence: facts.sequence)
        }
        complete(facts.kind.rawValue, facts.time, places, &tree)
        return true
    }

    /// The record that begins at `offset` of the batch: its parts one behind the other, and where
    /// they lie. Until `reset`.
    ///
    /// - Parameter offset: `byteCount` as it was before the record was added.
    public func record(at offset: Int) -> (text: [UInt8], parts: RecordParts) {
        var text: [UInt8] = []
        var ranges = InlineArray<3, ByteRange>(repeating: .empty)
        var position = offset + BatchEncoder.headBytes
        for part in 0..<BatchEncoder.parts {
            position += BatchEncoder.partHeadBytes
            precondition(position <= plainCount)
            // Safe: `complete` stored the length there, and the part lies behind it.
            let stored = unsafe UnsafeRawPointer(plain + position - 4).loadUnaligned(
                as: UInt32.self)
            let count = Int(UInt32(bigEndian: stored))
            precondition(count <= plainCount - position)
            ranges[part] = ByteRange(start: text.count, count: count)
            unsafe text.append(
                contentsOf: UnsafeBufferPointer(start: plain + position, count: count))
            position += count
        }
        return (text, RecordParts(core: ranges[0], subject: ranges[1], detail: ranges[2]))
    }

    /// Fills in what stands around parts that are in their places, and makes the entry.
    private mutating func complete(
        _ kind: UInt8, _ time: WallTime, _ places: RecordParts, _ tree: inout LogTree
    ) {
        if count == 0 { firstIndex = tree.size }
        firstTime = min(firstTime, time)
        lastTime = max(lastTime, time)
        let start = plainCount
        plainCount = places.detail.upper
        storeBigEndian(UInt32(truncatingIfNeeded: plainCount - start - 4), at: start)
        // Safe: the room before the first part was left for these bytes.
        unsafe plain[start + 4] = kind
        unsafe plain[start + 5] = UInt8(BatchEncoder.parts)
        let commitment = hasher.commitment(
            completePart(0, places.core), completePart(1, places.subject),
            completePart(2, places.detail))
        let offset = FrameHeader.byteCount + BatchHeader.entryRange(count).lowerBound
        // Safe: the count was checked against the limit that the frame's memory was made for.
        let memory = unsafe UnsafeMutableBufferPointer(
            start: frame + offset, count: TreeHasher.entryBytes)
        var writer = unsafe ByteWriter(over: memory)
        writer.appendEntry(kind: kind, commitment: commitment)
        tree.append(writer.span, &hasher)
        count += 1
    }

    /// Compresses and encrypts the records; the batch takes no more of them until `reset`.
    public mutating func compress() throws(EvidenceError) {
        precondition(count > 0)
        accountCount = 0
        if !recipients.isEmpty {
            let text = account.json
            guard text.count <= frameCapacity - FrameHeader.byteCount - clearCount else {
                throw .recordTooLarge
            }
            copy(text.span, to: FrameHeader.byteCount + clearCount)
            accountCount = text.count
        }
        let offset = FrameHeader.byteCount + clearCount
        // Safe: both pieces of memory are this value's own; the bound is what zstd may need.
        let result = unsafe ZSTD_compress2(
            compressor, frame + offset, frameCapacity - offset, plain, plainCount)
        guard ZSTD_isError(result) == 0 else { throw .compressionFailed }
        sealedCount = result
        if !recipients.isEmpty { try encrypt(at: offset) }
    }

    /// Puts the age file with what zstd made at `offset` in its place.
    private mutating func encrypt(at offset: Int) throws(EvidenceError) {
        // Safe: zstd wrote these bytes just now, and the file is made before they are replaced.
        let compressed = unsafe Span(
            _unsafeStart: UnsafePointer(frame + offset), count: sealedCount)
        let file: [UInt8]
        do {
            file = try AgeFile.encrypt(compressed, to: recipients)
        } catch {
            throw .cryptographyFailed
        }
        guard file.count <= frameCapacity - offset - 8 else { throw .recordTooLarge }
        copy(file.span, to: offset)
        sealedCount = file.count
    }

    private func copy(_ bytes: Span<UInt8>, to offset: Int) {
        // Safe: the callers made sure of the room.
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe (frame + offset).update(from: start, count: bytes.count)
            }
        }
    }

    /// Completes the frame as number `number` after the frame `previous`, and answers its hash.
    ///
    /// It may be done again with other numbers, when the frame has to go into another segment.
    public mutating func stamp(number: UInt64, previous: Digest256) -> Digest256 {
        precondition(sealedCount > 0)
        var header = FrameHeader(
            type: .batch, flags: recipients.isEmpty ? 0 : FrameHeader.encrypted, number: number,
            clearCount: clearCount, sealedCount: sealedCount, previous: previous)
        frameCount = header.frameCount
        writeHeader(header)
        let contentCount = FrameHeader.byteCount + clearCount + sealedCount
        // Safe: these bytes lie inside the frame's memory, which has 8 to spare.
        unsafe (frame + contentCount).initialize(repeating: 0, count: frameCount - contentCount)
        let content = unsafe Span(_unsafeStart: UnsafePointer(frame), count: contentCount)
        header.checksum = crc.checksum(content)
        writeHeader(header)
        return hasher.plain(unsafe Span(_unsafeStart: UnsafePointer(frame), count: frameCount))
    }

    /// The frame that the last `stamp` completed.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Safe: the first `frameCount` bytes were written by `stamp`.
            let span = unsafe Span(_unsafeStart: UnsafePointer(frame), count: frameCount)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Forgets the batch.
    public mutating func reset() {
        count = 0
        plainCount = 0
        sealedCount = 0
        frameCount = 0
        accountCount = 0
        account.removeAll()
        firstTime = WallTime(microseconds: .max)
        lastTime = WallTime(microseconds: .min)
    }

    private var clearCount: Int {
        BatchHeader.byteCount + count * TreeHasher.entryBytes + accountCount
    }

    private mutating func writeHeader(_ header: FrameHeader) {
        let size = FrameHeader.byteCount + BatchHeader.byteCount
        // Safe: the frame's memory begins with both headers.
        var writer = unsafe ByteWriter(over: UnsafeMutableBufferPointer(start: frame, count: size))
        header.append(to: &writer)
        BatchHeader(
            firstIndex: firstIndex, count: count, firstTime: firstTime, lastTime: lastTime
        ).append(to: &writer)
    }

    /// Stores salt and length before a part that is in its place, and answers its hash.
    private mutating func completePart(_ number: UInt8, _ place: ByteRange) -> Digest256 {
        if saltsLeft == 0 {
            // Safe: all of the memory is filled. One call lasts for a thousand records.
            unsafe RandomBytes.fill(
                UnsafeMutableRawBufferPointer(start: salts, count: BatchEncoder.saltsAtOnce))
            saltsLeft = BatchEncoder.saltsAtOnce
        }
        saltsLeft -= TreeHasher.saltBytes
        let size = TreeHasher.prefixBytes
        // Safe: salt and length have room before the part, and what is hashed with it takes less.
        // It is written there for the hash, so that one piece of memory holds all of it.
        let salt = unsafe salts + saltsLeft
        let part = unsafe plain + place.lower
        unsafe (part - size).pointee = TreeHasher.partMark
        unsafe (part - size + 1).pointee = number
        unsafe (part - TreeHasher.saltBytes).update(from: salt, count: TreeHasher.saltBytes)
        let hash = hasher.plain(
            unsafe Span(
                _unsafeStart: UnsafePointer(part - size), count: size + Int(place.count)))
        unsafe (part - BatchEncoder.partHeadBytes).update(
            from: salt, count: TreeHasher.saltBytes)
        storeBigEndian(place.count, at: place.lower - 4)
        return hash
    }

    private func store(_ bytes: Span<UInt8>, at offset: Int) {
        // Safe: `add` made sure of the room.
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe (plain + offset).update(from: start, count: bytes.count)
            }
        }
    }

    private func storeBigEndian(_ value: UInt32, at offset: Int) {
        // Safe: `add` made sure of the room.
        unsafe UnsafeMutableRawPointer(plain + offset).storeBytes(
            of: value.bigEndian, as: UInt32.self)
    }
}
