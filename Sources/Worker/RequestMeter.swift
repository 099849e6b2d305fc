import AuditRecords
import Primitives
import Synchronization

/// What a worker counts about requests, for the metrics: how many ended how, and how long they took.
///
/// The worker's thread adds with plain loads and stores of atomics that it alone stores to; any
/// thread reads. Everything is made once: a request costs a look into a table, and no lock.
@safe
public final class RequestMeter: Sendable {
    // Sendable: atomics, initialised in init.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// Ways to end that are told apart, a power of two; what comes later is counted as `other`.
    static let slots = 2048
    /// Places that a way to end may be found at.
    private static let probes = 16
    private static let histograms = 2 * slots
    private static let stride = DurationHistogram.bucketCount + 1
    private static let count = histograms + DurationKind.allCases.count * stride

    /// A meter that has counted nothing.
    public init() {
        unsafe cells = .allocate(capacity: RequestMeter.count)
        for index in 0..<RequestMeter.count { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: RequestMeter.count)
        unsafe cells.deallocate()
    }

    /// Counts a request that has ended, or takes it back. The worker's thread.
    ///
    /// - Parameter route: The number of its route's name; nil when it matched none.
    func count(_ facts: RecordFacts, route: Int?, isTakenBack: Bool = false) {
        let change: UInt64 = isTakenBack ? .max : 1
        let end = RequestEnd(
            route: route, outcome: facts.outcome, reason: facts.reason,
            statusClass: UInt8(clamping: facts.status / 100))
        add(change, at: place(of: end))
        let total = UInt64(facts.totalMicroseconds)
        record(total, as: .total, change)
        guard facts.upstream != RecordFacts.noIndex, facts.firstByteMicroseconds > 0 else {
            record(total, as: .added, change)
            return
        }
        let decision = min(facts.decisionMicroseconds, facts.firstByteMicroseconds)
        record(UInt64(decision), as: .added, change)
        record(UInt64(facts.firstByteMicroseconds - decision), as: .upstream, change)
    }

    private func record(_ microseconds: UInt64, as kind: DurationKind, _ change: UInt64) {
        let start = RequestMeter.histograms + Int(kind.rawValue) * RequestMeter.stride
        add(change, at: start + DurationHistogram.bucket(microseconds))
        add(microseconds &* change, at: start + DurationHistogram.bucketCount)
    }

    private func place(of end: RequestEnd) -> Int {
        let key = end.key
        let start = Int((key &* 0x9E37_79B9_7F4A_7C15) >> 53)
        for probe in 0..<RequestMeter.probes {
            let place = (start + probe) & (RequestMeter.slots - 1)
            // Safe: the place is masked; only this thread stores.
            let found = unsafe cells[place].load(ordering: .relaxed)
            if found == key { return RequestMeter.slots + place }
            if found == 0 {
                // Releases nothing but itself: a reader that misses it finds it the next time.
                unsafe cells[place].store(key, ordering: .relaxed)
                return RequestMeter.slots + place
            }
        }
        // The last place of the table stands for all that found none.
        unsafe cells[RequestMeter.slots - 1].store(RequestEnd.other.key, ordering: .relaxed)
        return 2 * RequestMeter.slots - 1
    }

    private func add(_ change: UInt64, at index: Int) {
        precondition(index >= 0 && index < RequestMeter.count)
        // Safe: the index was just checked; only this thread stores: no locked instruction.
        let value = unsafe cells[index].load(ordering: .relaxed)
        unsafe cells[index].store(value &+ change, ordering: .relaxed)
    }

    /// Adds what was counted to `totals`. Any thread.
    public func add(to totals: inout MeterTotals) {
        for place in 0..<RequestMeter.slots {
            let key = unsafe cells[place].load(ordering: .relaxed)
            guard key != 0 else { continue }
            let count = unsafe cells[RequestMeter.slots + place].load(ordering: .relaxed)
            totals.ends[RequestEnd(key: key), default: 0] &+= count
        }
        for kind in DurationKind.allCases {
            let start = RequestMeter.histograms + Int(kind.rawValue) * RequestMeter.stride
            for bucket in 0..<DurationHistogram.bucketCount {
                let count = unsafe cells[start + bucket].load(ordering: .relaxed)
                totals.durations[Int(kind.rawValue)].counts[bucket] &+= count
            }
            totals.durations[Int(kind.rawValue)].sumMicroseconds &+= unsafe cells[
                start + DurationHistogram.bucketCount
            ].load(ordering: .relaxed)
        }
    }
}

/// How a request ended, as far as the metrics tell requests apart.
public struct RequestEnd: Hashable, Sendable {
    /// The number of the route's name; nil when none matched.
    public let route: Int?
    /// Allowed, denied, throttled, or in error.
    public let outcome: Outcome
    /// Why.
    public let reason: Reason
    /// The status' first digit; 0 when none was sent.
    public let statusClass: UInt8
    private static let noRoute: UInt64 = 0xFFFF_FFFF

    /// Stands for all ways to end that the table had no room for.
    static let other = RequestEnd(
        route: 0xFFFF_FFFE, outcome: .error, reason: .none, statusClass: 0)

    init(route: Int?, outcome: Outcome, reason: Reason, statusClass: UInt8) {
        self.route = route
        self.outcome = outcome
        self.reason = reason
        self.statusClass = statusClass
    }

    init(key: UInt64) {
        let number = (key >> 28) & 0xFFFF_FFFF
        route = number == RequestEnd.noRoute ? nil : Int(number)
        reason = Reason(rawValue: UInt16((key >> 8) & 0xFFFF)) ?? .none
        outcome = Outcome(rawValue: UInt8((key >> 4) & 0xF)) ?? .error
        statusClass = UInt8(key & 0xF)
    }

    /// Never 0.
    var key: UInt64 {
        let number = route.map { UInt64($0) & 0xFFFF_FFFF } ?? RequestEnd.noRoute
        return 1 << 63 | number << 28 | UInt64(reason.rawValue) << 8
            | UInt64(outcome.rawValue) << 4 | UInt64(min(statusClass, 15))
    }
}

/// Which part of a request's time.
public enum DurationKind: UInt8, Sendable, CaseIterable {
    /// From its head to its end.
    case total = 0
    /// From the decision until the upstream's answer began.
    case upstream
    /// From its head until it was allowed on its way or, without an upstream, to its end.
    case added
}

/// Counts of durations in buckets that double.
public struct DurationHistogram: Sendable, Equatable {
    /// Durations below each bound and not below the one before.
    public var counts = [UInt64](repeating: 0, count: bucketCount)
    /// All durations together.
    public var sumMicroseconds: UInt64 = 0

    /// The first bound is 2^6 µs.
    private static let firstBits = 6
    /// The last bucket has no bound.
    public static let bucketCount = 20

    /// No durations.
    public init() {}

    /// The bucket of a duration.
    @inline(__always)
    static func bucket(_ microseconds: UInt64) -> Int {
        let bits = 64 - microseconds.leadingZeroBitCount
        return min(max(bits - firstBits, 0), bucketCount - 1)
    }

    /// The bound of a bucket in seconds: durations in it and in those before are shorter; nil for
    /// the last.
    public static func boundSeconds(_ bucket: Int) -> Double? {
        bucket == bucketCount - 1 ? nil : Double(1 << (bucket + firstBits)) / 1_000_000
    }
}

/// What all workers have counted.
public struct MeterTotals: Sendable {
    /// How many requests ended in each way.
    public var ends: [RequestEnd: UInt64] = [:]
    /// By `DurationKind`.
    public var durations = DurationKind.allCases.map { _ in DurationHistogram() }

    /// Nothing.
    public init() {}
}
