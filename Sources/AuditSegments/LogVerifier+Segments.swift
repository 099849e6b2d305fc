import Primitives

extension LogVerifier {
    /// Whether a start leaf, which is signed for, says of the boot what the head says.
    func headAgrees(_ core: CanonicalObject) -> Bool {
        guard core.string("event") == "start", let head = lastHead else { return true }
        let build = core.string("build") ?? head.build
        let settings = core.digest("config") ?? head.settingsDigest
        return build == head.build && settings == head.settingsDigest
    }

    /// Names entries without a checkpoint: those since the last one, or more than a crash leaves.
    ///
    /// Each boot signs when it begins, before each seal, and at least once an hour. A log that has
    /// lost more of its checkpoints than that is one that nobody signed.
    mutating func checkCoverage() {
        guard tree.size > report.checkpointSize else { return }
        let entries = tree.size - report.checkpointSize
        let until = report.checkpointTime ?? WallTime(microseconds: .min)
        let (age, isEndless) = (report.lastTime ?? until).microseconds
            .subtractingReportingOverflow(until.microseconds)
        let isPlain =
            report.checkpointSize > 0 && report.checkpointSize >= lastHead?.firstIndex ?? 0
            && !isEndless && age <= longestUnsigned
        add(
            isPlain ? .uncovered(entries: entries) : .unsigned(entries: entries),
            LogLayout.segments, weight: .unfinished)
    }

    /// The longest checkpoint interval that can be set, and a minute, in microseconds.
    private var longestUnsigned: Int64 { 3_660_000_000 }

    /// Makes sure that what else is among the segments are the torn tails that leaves speak of.
    mutating func checkOthers(_ names: [String]) {
        for name in names {
            let file = "\(LogLayout.segments)/\(name)"
            guard let ending = name.firstRange(of: LogLayout.tornEnding),
                LogLayout.segmentNumber(String(name[..<ending.lowerBound])) != nil
            else {
                let isTemporary = name.hasSuffix(LogLayout.temporaryEnding)
                add(
                    isTemporary ? .temporaryFile : .segmentUnknown, file,
                    weight: isTemporary ? .notice : .broken)
                continue
            }
            let number = LogLayout.segmentNumber(String(name[..<ending.lowerBound])) ?? 0
            guard readsRecords, !isView || number >= firstSegment else {
                add(.tornFile, file, weight: .notice)
                continue
            }
            guard let bytes = source.read(file) else {
                add(.unreadable, file)
                continue
            }
            if tornTails.removeValue(forKey: hasher.plain(bytes.span)) != nil {
                add(.tornFile, file, weight: .notice)
            } else {
                // As after a recovery that was killed before it had a leaf for it.
                add(.tornFileUnknown, file, weight: .unfinished)
            }
        }
        for segment in tornTails.values.sorted() {
            let number = LogLayout.segmentNumber(segment) ?? .max
            // It went with its segment.
            if report.pruned > 0, number < firstSegment { continue }
            add(.tornFileMissing(segment: segment), LogLayout.segments)
        }
    }
}

/// When the records of a batch were, by their own account.
struct RecordTimes {
    private var first = Int64.max
    private var last = Int64.min
    private var isWhole = true

    /// Adds a record's time; a batch with a record without one has no times to compare.
    mutating func add(_ time: Int64?) {
        guard let time else {
            isWhole = false
            return
        }
        first = min(first, time)
        last = max(last, time)
    }

    /// Whether the batch's header names them: it is not signed, the records are.
    func fit(_ header: BatchHeader) -> Bool {
        guard isWhole else { return true }
        return header.firstTime.microseconds == first && header.lastTime.microseconds == last
    }
}
