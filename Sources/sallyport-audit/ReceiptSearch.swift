import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// Finds the records that receipts promise, all in one pass over the log.
struct ReceiptSearch {
    private var answers: [Receipt: ReceiptAnswer]
    private let order: [Receipt]
    private let log: String
    private let workers: Set<WorkerBoot>
    /// Gaps without a known end: they hold only what no record has.
    private var openGaps: [Hit] = []
    /// Boots that said stop.
    private var stopped: Set<UInt64> = []

    /// Something in the log that may answer a receipt.
    private struct Hit: Sendable {
        enum Claim: Sendable {
            case record(sequence: UInt64, link: UInt64?)
            case gap(from: UInt64, through: UInt64?)
            case stop
        }
        let claim: Claim
        let worker: WorkerBoot
        let index: UInt64
        let place: RecordPlace
        let word: String
        let time: WallTime?
    }

    private struct Batch: Sendable {
        var hits: [Hit] = []
        var complaint: String?
    }

    private init(_ receipts: [Receipt]) {
        order = receipts
        log = receipts.first?.log ?? ""
        workers = Set(receipts.map(\.worker))
        answers = Dictionary(
            receipts.map { ($0, ReceiptAnswer(receipt: $0)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// What `folder` says of each of `receipts`, which are all of this log.
    ///
    /// - Parameter signed: Records that a checkpoint which holds covers.
    static func find(
        _ receipts: [Receipt], in folder: LogFolder, signed: UInt64,
        identities: [AgeIdentity] = []
    ) throws -> (answers: [ReceiptAnswer], complaints: [String]) {
        var search = ReceiptSearch(receipts)
        var selection = BatchSelection()
        selection.boots = Set(receipts.map(\.worker.boot))
        selection.kindsOfAnyBoot = [RecordKind.gap.rawValue]
        var scan = LogScan(folder, selection: selection, identities: identities)
        var complaints: [String] = []
        let workers = search.workers
        let sequences = Set(receipts.map(\.sequence))
        try scan.run(
            map: { batch, hasher in
                ReceiptSearch.look(batch, workers, sequences, &hasher)
            },
            take: { found in
                for hit in found.hits { search.take(hit, signed: signed) }
                if let complaint = found.complaint { complaints.append(complaint) }
                return true
            })
        search.finish(folder, runningBoot: folder.lastBoot())
        return (search.order.compactMap { search.answers[$0] }, complaints + scan.complaints)
    }

    private static func look(
        _ batch: ScannedBatch, _ workers: Set<WorkerBoot>, _ sequences: Set<UInt64>,
        _ hasher: inout TreeHasher
    ) -> Batch {
        var found = Batch()
        found.complaint = batch.forEach { record, index in
            let core = CanonicalObject(record.part(0))
            let link = core.integer("link").map { UInt64(max(0, $0)) }
            let claim: Hit.Claim
            let worker: WorkerBoot
            switch SequenceClaim(kind: record.kind, core: record.part(0)) {
            case .recorded(let owner, let sequence):
                guard workers.contains(owner),
                    sequences.contains(sequence) || link.map(sequences.contains) == true
                else { return }
                (claim, worker) = (.record(sequence: sequence, link: link), owner)
            case .lost(let owner, let from, let through):
                guard workers.contains(owner) else { return }
                (claim, worker) = (.gap(from: from, through: through), owner)
            case .stopped:
                guard let boot = core.string("boot").flatMap({ UInt64($0, radix: 16) })
                else { return }
                (claim, worker) = (.stop, WorkerBoot(boot: boot, worker: 0))
            case .nothing, .malformed: return
            }
            let whole = batch.record(record, index, &hasher)
            // What no entry commits to answers nothing; the verifier names it.
            guard whole.isCommitted else { return }
            found.hits.append(
                Hit(
                    claim: claim, worker: worker, index: index, place: batch.place,
                    word: core.object("gap")?.string("reason") ?? RecordLine.kind(whole),
                    time: whole.time))
        }
        return found
    }

    private mutating func take(_ hit: Hit, signed: UInt64) {
        switch hit.claim {
        case .stop:
            stopped.insert(hit.worker.boot)
        case .gap(let from, let through):
            guard let through else {
                openGaps.append(hit)
                return
            }
            lose(hit) { (from...through).contains($0) }
        case .record(let sequence, let link):
            update(hit.worker, sequence) { answer in
                answer.state = hit.index < signed ? .recorded : .unsigned
                answer.index = hit.index
                answer.place = hit.place
                answer.word = hit.word
                answer.time = hit.time
            }
            if let link { update(hit.worker, link) { $0.completion = hit.index } }
        }
    }

    private mutating func update(
        _ worker: WorkerBoot, _ sequence: UInt64, _ change: (inout ReceiptAnswer) -> Void
    ) {
        let receipt = Receipt(log: log, worker: worker, sequence: sequence)
        guard var answer = answers[receipt] else { return }
        change(&answer)
        answers[receipt] = answer
    }

    private mutating func lose(_ gap: Hit, _ holds: (UInt64) -> Bool) {
        for (receipt, answer) in answers
        where answer.state == .missing && receipt.worker == gap.worker && holds(receipt.sequence) {
            var lost = answer
            lost.state = .lost
            lost.index = gap.index
            lost.place = gap.place
            lost.word = gap.word
            answers[receipt] = lost
        }
    }

    private mutating func finish(_ folder: LogFolder, runningBoot: UInt64?) {
        for gap in openGaps {
            guard case .gap(let from, nil) = gap.claim else { continue }
            lose(gap) { $0 >= from }
        }
        if let later = folder.laterBoots() {
            for (receipt, answer) in answers
            where answer.state == .missing && !later.contains(receipt.worker.boot) {
                var open = answer
                open.state = .pruned
                answers[receipt] = open
            }
        }
        guard let runningBoot, !stopped.contains(runningBoot) else { return }
        for (receipt, answer) in answers
        where answer.state == .missing && receipt.worker.boot == runningBoot {
            var pending = answer
            pending.state = .pending
            answers[receipt] = pending
        }
    }
}

extension LogFolder {
    /// The boots that began in segments that are there, when the log's first ones were deleted;
    /// nil when they were not.
    func laterBoots() -> Set<UInt64>? {
        guard let first = segments.first, first > 0 else { return nil }
        var boots: [UInt64] = []
        for number in segments {
            var reader = SegmentPieces(path: segmentPath(number))
            if let piece = try? reader.next(sealed: false), piece.header.type == .head,
                let head = try? SegmentHead(json: piece.clear)
            {
                boots.append(head.boot)
            }
        }
        return Set(boots).subtracting(boots.prefix(1))
    }

    /// The boot that wrote the last segment with a head.
    func lastBoot() -> UInt64? {
        for number in segments.reversed() {
            var reader = SegmentPieces(path: segmentPath(number))
            if let piece = try? reader.next(), piece.header.type == .head,
                let head = try? SegmentHead(json: piece.clear)
            {
                return head.boot
            }
        }
        return nil
    }
}
