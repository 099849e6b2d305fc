import Crypto
import Primitives

/// Where a batch frame lies in its segment, by what its header says.
public struct BatchPlace: Sendable {
    let offset: Int
    let clear: Range<Int>
    let sealed: Range<Int>
    let flags: UInt8

    /// The batch frames of a segment, as far as one header leads to the next.
    ///
    /// Nothing is proven by it: a place counts once the frame there has been checked.
    static func all(in segment: [UInt8]) -> [BatchPlace] {
        var places: [BatchPlace] = []
        var offset = 0
        while offset < segment.count,
            let header = try? FrameHeader(segment.span.extracting(droppingFirst: offset)),
            header.frameCount <= segment.count - offset
        {
            let start = offset + FrameHeader.byteCount
            let end = start + header.clearCount
            if header.type == .batch {
                places.append(
                    BatchPlace(
                        offset: offset, clear: start..<end,
                        sealed: end..<end + header.sealedCount, flags: header.flags))
            }
            offset += header.frameCount
        }
        return places
    }
}

/// What the bytes of one batch say by themselves, whatever comes before them in the log.
///
/// Most of a verification's work is here, and no batch needs another's: several can be looked into
/// at a time.
public struct BatchInspection: Sendable {
    /// What one record says.
    struct Record: Sendable {
        /// Whether the record is the one that its entry commits to.
        let isCommitted: Bool
        let claim: SequenceClaim
        /// The boot that wrote it, by its own word.
        let boot: UInt64?
        /// The core of a lifecycle record.
        let lifecycle: [UInt8]?
        /// What the record of an epoch's key says; nil too when it says nothing that is one.
        let epoch: EpochCertificate?
        /// Why a gap leaf's numbers are lost, by its own word.
        let gapReason: String?
        /// The first record that remains, by a record about deleted segments.
        let minimum: UInt64?
        let kind: UInt8
        /// The sequence of the decision that a completion names.
        let link: UInt64?
        /// Whether every reader of the core reads the same.
        let isOrdered: Bool
    }

    /// Hashes of the tree's leaves.
    let leaves: [Digest256]
    private(set) var records: [Record] = []
    /// What the records of an encrypted batch account for.
    private(set) var account = BatchAccount()
    /// Why no more records could be read.
    private(set) var failure: EvidenceError?
    /// Whether the batch's header names the times that its records have.
    private(set) var hasTrueTimes = true

    /// Looks into the batch at `place` of `segment`.
    ///
    /// - Parameters:
    ///   - readsRecords: False leaves the sealed records out.
    ///   - identities: What opens them when they are encrypted.
    public init(
        _ segment: [UInt8], _ place: BatchPlace, readsRecords: Bool = true,
        identities: [AgeIdentity] = [], hasher: inout TreeHasher
    ) {
        self.init(
            clear: segment.span.extracting(place.clear),
            sealed: segment.span.extracting(place.sealed), flags: place.flags,
            readsRecords: readsRecords, identities: identities, hasher: &hasher)
    }

    init(
        clear: Span<UInt8>, sealed: Span<UInt8>, flags: UInt8, readsRecords: Bool,
        identities: [AgeIdentity], hasher: inout TreeHasher
    ) {
        guard let header = try? BatchHeader(clear: clear) else {
            leaves = []
            failure = .batchMalformed
            return
        }
        var leaves: [Digest256] = []
        leaves.reserveCapacity(header.count)
        for position in 0..<header.count {
            leaves.append(hasher.leaf(clear.extracting(BatchHeader.entryRange(position))))
        }
        self.leaves = leaves
        guard readsRecords else { return }
        do {
            try read(sealed, flags, identities, clear, header, &hasher)
        } catch {
            failure = error
        }
    }

    private mutating func read(
        _ sealed: Span<UInt8>, _ flags: UInt8, _ identities: [AgeIdentity],
        _ clear: Span<UInt8>, _ header: BatchHeader, _ hasher: inout TreeHasher
    ) throws(EvidenceError) {
        var batch = try SealedBatch(sealed, flags: flags, identities: identities)
        var times = RecordTimes()
        records.reserveCapacity(header.count)
        while let record = try batch.next() {
            guard records.count < header.count else { throw .sealedMalformed }
            let range = BatchHeader.entryRange(records.count)
            let entry = record.entry(&hasher)
            let bytes = record.part(0)
            if flags & FrameHeader.encrypted != 0 { account.take(kind: record.kind, core: bytes) }
            let members = CoreMembers(bytes)
            times.add(members.time)
            records.append(
                Record(
                    isCommitted: clear.extracting(range).equals(entry),
                    claim: members.claim(kind: record.kind, core: bytes), boot: members.boot,
                    lifecycle: record.kind == 6 ? bytes : nil,
                    epoch: record.kind == 8 ? try? EpochCertificate(core: bytes) : nil,
                    gapReason: record.kind == 7 ? BatchInspection.gapReason(bytes) : nil,
                    minimum: record.kind == 9 ? BatchAccount.minimum(core: bytes) : nil,
                    kind: record.kind, link: members.link.map { UInt64(max(0, $0)) },
                    isOrdered: members.isOrdered))
        }
        guard records.count == header.count else { throw .sealedMalformed }
        hasTrueTimes = times.fit(header)
    }

    /// The reason in a gap leaf's core; nil for what is no word: a forged log may say anything.
    private static func gapReason(_ core: [UInt8]) -> String? {
        guard let word = CanonicalObject(core).object("gap")?.string("reason"),
            word.utf8.count <= 32,
            word.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x5F })
        else { return nil }
        return word
    }
}

extension Span<UInt8> {
    /// Whether these are the same bytes.
    fileprivate func equals(_ bytes: [UInt8]) -> Bool {
        guard count == bytes.count else { return false }
        for position in indices where self[position] != bytes[position] { return false }
        return true
    }
}

/// Looks into all batches of a segment, in whatever order and on as many threads as there are.
///
/// The result for a place may be nil: the verifier then looks for itself.
public typealias BatchInspector = (_ segment: [UInt8], _ places: [BatchPlace]) -> [BatchInspection?]
