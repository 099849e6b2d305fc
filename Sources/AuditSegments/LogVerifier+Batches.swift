import Crypto
import Primitives

extension LogVerifier {
    /// Adds a batch's entries to the tree and takes its records into account.
    mutating func takeBatch(_ clear: [UInt8], _ bytes: [UInt8], _ frame: Frame, _ file: String) {
        guard let header = try? BatchHeader(clear: clear.span) else { return }
        report.firstTime = min(report.firstTime ?? header.firstTime, header.firstTime)
        report.lastTime = max(report.lastTime ?? header.lastTime, header.lastTime)
        let found =
            inspected.removeValue(forKey: frame.offset)
            ?? BatchInspection(
                clear: clear.span, sealed: bytes.span.extracting(frame.sealed),
                flags: frame.header.flags, readsRecords: readsRecords, identities: identities,
                hasher: &hasher)
        for (position, leaf) in found.leaves.enumerated() {
            let entry = clear.span.extracting(BatchHeader.entryRange(position))
            if isTreeWhole { tree.append(entry, leaf: leaf, &hasher) }
            report.kinds[Int(entry[3])] += 1
        }
        takeEpochs(header, clear, bytes.span.extracting(frame.sealed), found, frame, file)
        let isEncrypted = frame.header.flags & FrameHeader.encrypted != 0
        if let head = lastHead, isEncrypted == head.recipients.isEmpty {
            add(.encryptionContradicts, file, at: frame.offset)
        }
        guard readsRecords else { return }
        if found.failure == .sealedEncrypted || found.failure == .sealedForOthers && !isForUs {
            takeUnopened(
                header, clear, bytes.span.extracting(frame.sealed), file, frame.offset)
            return
        }
        for (position, record) in found.records.enumerated() {
            let index = header.firstIndex + UInt64(position)
            if !record.isCommitted { add(.recordDiffers(index: index), file, at: frame.offset) }
            account(record, index, file, frame.offset)
            if let minimum = record.minimum {
                takeMinimum(minimum, index: index, file, frame.offset)
            }
        }
        if let failure = found.failure {
            add(.sealed(failure), file, at: frame.offset)
        } else if !found.hasTrueTimes {
            add(.batchTimes, file, at: frame.offset)
        }
        if isEncrypted, found.failure == nil,
            (try? header.account(clear: clear)) != found.account
        {
            add(.accountContradicts, file, at: frame.offset)
        }
    }

    /// Takes the epochs that begin in a batch: out of its records, or of its account.
    private mutating func takeEpochs(
        _ header: BatchHeader, _ clear: [UInt8], _ sealed: Span<UInt8>, _ found: BatchInspection,
        _ frame: Frame, _ file: String
    ) {
        let places = (0..<header.count).filter {
            clear[BatchHeader.entryRange($0).lowerBound + 3] == 8
        }
        guard !places.isEmpty, isTreeWhole, let boot else { return }
        let isEncrypted = frame.header.flags & FrameHeader.encrypted != 0
        let found =
            readsRecords || isEncrypted
            ? found
            : BatchInspection(
                clear: clear.span, sealed: sealed, flags: 0, readsRecords: true, identities: [],
                hasher: &hasher)
        let isOpened = found.records.count == header.count
        let claimed = isOpened ? [] : (try? header.account(clear: clear))?.epochs ?? []
        for (number, place) in places.enumerated() {
            let index = header.firstIndex + UInt64(place)
            let certificate =
                isOpened
                ? found.records[place].epoch : number < claimed.count ? claimed[number] : nil
            do {
                try epochs.take(certificate, at: index, boot: boot)
            } catch {
                add(.epoch(index: index, error), file, at: frame.offset)
            }
        }
    }

    /// Whether the segment's head names an identity of ours: then each batch has to open.
    private var isForUs: Bool {
        guard let head = lastHead else { return false }
        return identities.contains { head.recipients.contains($0.recipient.text) }
    }

    /// Goes by what an encrypted batch says in the clear, as far as its entries bear it out.
    private mutating func takeUnopened(
        _ header: BatchHeader, _ clear: [UInt8], _ sealed: Span<UInt8>, _ file: String,
        _ offset: Int
    ) {
        report.unopened += 1
        // Our name among the stanzas can't be told, their number can.
        let stanzas = AgeHeader(sealed)?.stanzas.count ?? 0
        if stanzas < max(1, lastHead?.recipients.count ?? 1) {
            add(.sealed(.sealedChanged), file, at: offset)
        }
        guard let found = try? header.account(clear: clear) else {
            add(.accountContradicts, file, at: offset)
            return
        }
        let kinds = (0..<header.count).map { clear[BatchHeader.entryRange($0).lowerBound + 3] }
        let requests = kinds.count { (1...4).contains($0) }
        if found.recordedCount > UInt64(requests)
            || found.gaps.count != kinds.count(where: { $0 == 7 })
            || found.epochs.count != kinds.count(where: { $0 == 8 })
            || (found.minimum > 0 && !kinds.contains(9))
            || (found.isStopped && kinds.last != 6)
        {
            add(.accountContradicts, file, at: offset)
        }
        if found.minimum > 0 {
            takeMinimum(
                found.minimum, index: header.firstIndex + UInt64(header.count - 1), file, offset)
        }
        hasStopped = found.isStopped
        if let boot, found.workers > 0 { begunBoots.insert(boot) }
        for tail in found.tornTails { tornTails[tail] = "" }
        guard let boot else { return }
        for (worker, account) in found.recorded.enumerated() {
            let owner = WorkerBoot(boot: boot, worker: UInt64(worker))
            for run in account.runs { takeRun(run, owner, file, offset) }
        }
        takeSequences(found.sequences, boot)
        for gap in found.gaps { takeGap(gap.owner, gap.first, gap.last, nil, file, offset) }
    }

    private mutating func takeRun(
        _ run: ClosedRange<UInt64>, _ owner: WorkerBoot, _ file: String, _ offset: Int
    ) {
        guard !accounts[owner, default: SequenceAccount()].insert(run) else { return }
        add(
            .sequenceRepeated(
                boot: owner.boot, worker: owner.worker, sequence: run.lowerBound),
            file, at: offset)
    }

    private mutating func takeSequences(_ sequences: [UInt64], _ boot: UInt64) {
        for (worker, last) in sequences.enumerated() {
            let owner = WorkerBoot(boot: boot, worker: UInt64(worker))
            used[owner] = max(used[owner] ?? 0, last)
            if isView, !begunBoots.contains(boot), floors[owner] == nil { floors[owner] = last }
            if accounts[owner] == nil { accounts[owner] = SequenceAccount() }
        }
    }

    // MARK: Sequences

    private mutating func account(
        _ record: BatchInspection.Record, _ index: UInt64, _ file: String, _ offset: Int
    ) {
        hasStopped = false
        if !record.isOrdered { add(.recordMalformed(index: index), file, at: offset) }
        if let lifecycle = record.lifecycle {
            let core = CanonicalObject(lifecycle)
            takeLifecycle(core)
            if !headAgrees(core) { add(.startContradicts(index: index), file, at: offset) }
        }
        if let writer = record.boot, writer != boot {
            add(.bootContradicts(index: index), file, at: offset)
        }
        switch record.claim {
        case .nothing: break
        case .stopped: hasStopped = true
        case .malformed: add(.accountMissing(index: index), file, at: offset)
        case .recorded(let owner, let sequence):
            if !accounts[owner, default: SequenceAccount()].insert(sequence) {
                add(
                    .sequenceRepeated(
                        boot: owner.boot, worker: owner.worker, sequence: sequence),
                    file, at: offset)
            }
            pair(record, owner, sequence, index, file, offset)
        case .lost(let owner, let from, let through):
            takeGap(owner, from, through, record.gapReason, file, offset)
        }
    }

    private mutating func takeGap(
        _ owner: WorkerBoot, _ from: UInt64, _ through: UInt64?, _ reason: String?,
        _ file: String, _ offset: Int
    ) {
        add(
            .gap(boot: owner.boot, worker: owner.worker, from: from, through: through), file,
            at: offset, weight: .notice)
        guard let through else {
            openEnds[owner] = min(openEnds[owner] ?? .max, from)
            return
        }
        let (sum, isEndless) = report.gapNumbers.addingReportingOverflow(through - from + 1)
        report.gapNumbers = isEndless ? .max : sum
        report.addGap(reason ?? "", through - from)
        _ = decisions.lost[owner, default: SequenceAccount()].insert(from...through)
        if !accounts[owner, default: SequenceAccount()].insert(from...through) {
            add(
                .sequenceRepeated(boot: owner.boot, worker: owner.worker, sequence: from),
                file, at: offset)
        }
    }

    private mutating func takeLifecycle(_ core: CanonicalObject) {
        if core.string("event") == "torn", let tail = core.digest("sha256") {
            tornTails[tail] = core.string("segment") ?? ""
        }
        guard let text = core.string("boot"), let boot = UInt64(text, radix: 16) else { return }
        if core.string("event") == "start" { begunBoots.insert(boot) }
        takeSequences((core.integers("sequences") ?? []).map { UInt64(max(0, $0)) }, boot)
    }

    mutating func finishSequences() {
        finishDecisions()
        for (owner, from) in openEnds where accounts[owner]?.highest ?? 0 >= from {
            add(
                .gapContradicts(boot: owner.boot, worker: owner.worker, from: from),
                LogLayout.segments)
        }
        for (owner, account) in accounts.sorted(by: {
            ($0.key.boot, $0.key.worker) < ($1.key.boot, $1.key.worker)
        }) {
            let missing = askedFor(account.missing(through: used[owner]), of: owner)
            guard !missing.isEmpty else { continue }
            let isRunning = owner.boot == boot && !hasStopped
            if isRunning {
                let count = missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound + 1) }
                add(
                    .sequencePending(boot: owner.boot, worker: owner.worker, count: count),
                    LogLayout.segments, weight: .unfinished)
                continue
            }
            for numbers in missing where numbers.lowerBound < openEnds[owner] ?? .max {
                add(
                    .sequenceMissing(
                        boot: owner.boot, worker: owner.worker, from: numbers.lowerBound,
                        through: numbers.upperBound),
                    LogLayout.segments)
            }
        }
    }
}
