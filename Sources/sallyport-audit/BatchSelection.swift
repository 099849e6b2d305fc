import AuditSegments
import Primitives

/// Which batches may hold what is asked for, told from what stands in the clear before them.
///
/// A batch's times and kinds are not signed by themselves. `verify` compares them with the
/// records, so a log that holds has no batch that hides its records here.
struct BatchSelection: Sendable {
    /// Records before this time are not asked for.
    var since: WallTime?
    /// Records from this time on are not asked for.
    var until: WallTime?
    /// Kinds asked for; nil for all of them.
    var kinds: Set<UInt8>?
    /// Boots asked for; nil for all of them.
    var boots: Set<UInt64>?
    /// Kinds asked for whichever boot wrote them: gap leaves speak of boots before their own.
    var kindsOfAnyBoot: Set<UInt8> = []

    /// Whether nothing can be left out.
    var takesAll: Bool { since == nil && until == nil && kinds == nil && boots == nil }

    /// Whether a record of the batch with these clear bytes may be asked for.
    func wants(_ header: BatchHeader, _ clear: Span<UInt8>, boot: UInt64?) -> Bool {
        if let since, header.lastTime < since { return false }
        if let until, header.firstTime >= until { return false }
        var wanted = kinds
        if let boots, let boot, !boots.contains(boot) { wanted = kindsOfAnyBoot }
        guard let wanted else { return true }
        for position in 0..<header.count
        where wanted.contains(clear[BatchHeader.entryRange(position).lowerBound + 3]) {
            return true
        }
        return false
    }
}

/// How much of a log was looked at.
struct ScanCount: Equatable, Sendable {
    var batches = 0
    var skippedBatches = 0
    var segments = 0
    /// Segments of which no batch was opened.
    var skippedSegments = 0
    /// Segments whose batches were chosen by an index.
    var indexedSegments = 0

    /// The figures for people.
    var text: String {
        "\(skippedBatches) of \(batches) blocks skipped, \(skippedSegments) of \(segments) "
            + "segments whole, \(indexedSegments) by their index"
    }
}
