import AuditRecords

/// Sequence numbers whose records were dropped, until the writer has been told.
///
/// One thread owns it. It holds ranges of numbers that are all lost, and never a number more. A
/// number that finds no room is not held: the writer, which knows every number that it wrote down,
/// says at the end of the boot that it is missing.
struct LostNumbers: ~Copyable {
    /// Numbers that were lost for one reason.
    struct Run: Equatable {
        var first: UInt64
        var last: UInt64
        var reason: GapReason
    }

    /// In order, with other numbers or reasons between.
    private var runs: [Run] = []
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        runs.reserveCapacity(capacity)
    }

    var isEmpty: Bool { runs.isEmpty }
    /// The run of the highest numbers.
    var last: Run? { runs.last }

    /// Adds a number that is not held; false when it finds no room.
    mutating func insert(_ number: UInt64, _ reason: GapReason) -> Bool {
        // Numbers end nearly in the order in which they were taken.
        var place = runs.count
        while place > 0, runs[place - 1].first > number { place -= 1 }
        let joinsLower =
            place > 0 && runs[place - 1].last + 1 == number && runs[place - 1].reason == reason
        let joinsUpper =
            place < runs.count && number + 1 == runs[place].first && runs[place].reason == reason
        switch (joinsLower, joinsUpper) {
        case (true, true):
            runs[place - 1].last = runs[place].last
            runs.remove(at: place)
        case (true, false): runs[place - 1].last = number
        case (false, true): runs[place].first = number
        case (false, false):
            guard runs.count < capacity else { return false }
            runs.insert(Run(first: number, last: number, reason: reason), at: place)
        }
        return true
    }

    /// Forgets the run that `last` answers; there must be one.
    mutating func removeLast() { runs.removeLast() }
}
