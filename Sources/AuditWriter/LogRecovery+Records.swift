import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// What only the records say: whether the last boot stopped, which sequence numbers boots have
/// left open, and which torn tails have a leaf.
extension LogRecovery {
    /// Whether the last leaf of all says that the process stopped.
    func endsWithStop() throws -> Bool {
        guard !lastBatch.isEmpty else { return false }
        if lastFlags & FrameHeader.encrypted != 0 {
            return try BatchHeader(clear: lastClear.span).account(clear: lastClear).isStopped
        }
        var batch = try SealedBatch(lastBatch.span, flags: lastFlags)
        var last: StoredRecord?
        while let record = try batch.next() { last = record }
        guard let last else { return false }
        return SequenceClaim(kind: last.kind, core: last.part(0)) == .stopped
    }

    /// Reads the records of a segment whose frames are known to be good.
    mutating func readRecords(_ name: String, _ folder: borrowing LogFolder) throws {
        let bytes = try folder.segments.read(name) ?? []
        var offset = 0
        while offset < bytes.count {
            let header = try FrameHeader(bytes.span.extracting(droppingFirst: offset))
            let clear = offset + FrameHeader.byteCount
            let sealed = clear + header.clearCount
            guard offset + header.frameCount <= bytes.count else { return }
            if header.type == .head {
                let head = try SegmentHead(json: Array(bytes[clear..<sealed]))
                if boots.last?.boot != head.boot {
                    boots.append(BootAccount(boot: head.boot, isBegun: !isFirst(head)))
                }
            } else if header.type == .batch, header.flags & FrameHeader.encrypted != 0 {
                let text = Array(bytes[clear..<sealed])
                take(try BatchHeader(clear: text.span).account(clear: text))
            } else if header.type == .batch {
                let span = bytes.span.extracting(sealed..<sealed + header.sealedCount)
                try account(SealedBatch(span, flags: header.flags))
            }
            offset += header.frameCount
        }
    }

    private mutating func account(_ sealed: SealedBatch) throws {
        var batch = sealed
        while let record = try batch.next() {
            if !boots.isEmpty { boots[boots.count - 1].hasStopped = false }
            switch SequenceClaim(kind: record.kind, core: record.part(0)) {
            case .nothing, .malformed:
                if record.kind == RecordKind.lifecycle.rawValue { takeLifecycle(record.part(0)) }
            case .stopped:
                if !boots.isEmpty { boots[boots.count - 1].hasStopped = true }
            case .recorded(let owner, let sequence):
                insert(sequence...sequence, owner)
            case .lost(let owner, let from, let through?):
                insert(from...through, owner)
            case .lost(let owner, _, nil):
                if let index = index(of: owner.boot) { boots[index].closed.insert(owner.worker) }
            }
        }
    }

    /// Takes over what an encrypted batch says of its records, which nobody here can open.
    private mutating func take(_ account: BatchAccount) {
        recordedTails.formUnion(account.tornTails)
        if !boots.isEmpty {
            let last = boots.count - 1
            boots[last].hasStopped = account.isStopped
            if account.workers > 0 { boots[last].isBegun = true }
            for worker in 0..<account.workers { boots[last].used[worker, default: 0] += 0 }
            for (worker, used) in account.sequences.enumerated() {
                boots[last].takeUsed(used, worker: UInt64(worker))
            }
            for (worker, recorded) in account.recorded.enumerated() {
                let owner = WorkerBoot(boot: boots[last].boot, worker: UInt64(worker))
                for run in recorded.runs { insert(run, owner) }
            }
        }
        for gap in account.gaps {
            if let last = gap.last {
                insert(gap.first...last, gap.owner)
            } else if let index = index(of: gap.owner.boot) {
                boots[index].closed.insert(gap.owner.worker)
            }
        }
    }

    private mutating func insert(_ numbers: ClosedRange<UInt64>, _ owner: WorkerBoot) {
        guard let index = index(of: owner.boot) else { return }
        var account = boots[index].workers.removeValue(forKey: owner.worker) ?? SequenceAccount()
        _ = account.insert(numbers)
        boots[index].workers[owner.worker] = account
    }

    private func index(of boot: UInt64) -> Int? {
        for index in boots.indices.reversed() where boots[index].boot == boot { return index }
        return nil
    }

    /// Heartbeats and starts say which workers there are and which numbers they have taken.
    private mutating func takeLifecycle(_ core: [UInt8]) {
        guard !boots.isEmpty else { return }
        let text = CanonicalObject(core)
        if let tail = text.digest("sha256") { recordedTails.insert(tail) }
        let last = boots.count - 1
        if text.string("event") == "start" { boots[last].isBegun = true }
        for worker in 0..<UInt64(max(0, text.integer("workers") ?? 0)) {
            boots[last].used[worker, default: 0] += 0
        }
        for (worker, used) in (text.integers("sequences") ?? []).enumerated() {
            boots[last].takeUsed(UInt64(max(0, used)), worker: UInt64(worker))
        }
    }

    /// Makes the gap leaves of every boot that did not stop.
    ///
    /// What can be known: the numbers missing below the highest one recorded, and those that a
    /// heartbeat says were taken. How many more a worker had taken died with it, so that one last
    /// gap has no end.
    mutating func closeSequences() {
        for boot in boots where !boot.hasStopped {
            let workers = Set(boot.workers.keys).union(boot.used.keys).subtracting(boot.closed)
            for worker in workers.sorted() {
                let account = boot.workers[worker] ?? SequenceAccount()
                let used = max(boot.used[worker] ?? 0, account.highest ?? 0)
                let number = UInt16(truncatingIfNeeded: worker)
                for range in boot.askedFor(account.missing(through: used), of: worker) {
                    gaps.append(
                        GapFacts(
                            boot: boot.boot, worker: number, first: range.lowerBound,
                            last: range.upperBound, reason: .lostInCrash))
                }
                guard used < .max else { continue }
                gaps.append(
                    GapFacts(
                        boot: boot.boot, worker: number, first: used + 1, last: nil,
                        reason: .lostInCrash))
            }
        }
    }

    /// The torn tails that were put aside, with the number of their segment.
    func tornFiles(
        _ folder: borrowing LogFolder
    ) throws -> [(name: String, number: UInt64)] {
        try folder.segments.names().compactMap { name, _ in
            guard let ending = name.firstRange(of: LogLayout.tornEnding) else { return nil }
            return (name, LogRecovery.number(String(name[..<ending.lowerBound])))
        }
    }

    /// Records what was put aside by a recovery that was killed before it had a leaf for it.
    mutating func recordTails(
        _ tails: [(name: String, number: UInt64)], _ folder: borrowing LogFolder
    ) throws {
        for event in events {
            if case .torn(_, _, let digest) = event { recordedTails.insert(digest) }
        }
        for (name, number) in tails where number >= firstOpenNumber {
            guard let bytes = try folder.segments.read(name) else { continue }
            let digest = hasher.plain(bytes.span)
            guard recordedTails.insert(digest).inserted else { continue }
            events.append(
                .torn(
                    segment: LogLayout.segmentName(number), bytes: UInt64(bytes.count),
                    sha256: digest))
        }
    }

    static func number(_ name: String?) -> UInt64 {
        name.flatMap { LogLayout.segmentNumber($0) } ?? 0
    }
}
