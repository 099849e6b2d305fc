import AllocationCounter

/// Runs cases in turn and keeps what they cost.
///
/// A case is a loop of `count` operations. It is run to warm up, then in rounds of about
/// `roundNanoseconds` each. Time is this thread's processor time, so that a machine with other
/// work to do disturbs it little; the median of the rounds is reported, and the least, which
/// comes nearest to an undisturbed machine.
struct Harness {
    /// What one case cost per operation.
    struct Result {
        var name: String
        var nanoseconds: Double
        var leastNanoseconds: Double
        var allocations: Double
    }

    let filter: String
    let rounds: Int
    let roundNanoseconds: Double
    private(set) var results: [Result] = []

    init(filter: String, rounds: Int, roundMilliseconds: Int) {
        self.filter = filter
        self.rounds = rounds
        roundNanoseconds = Double(roundMilliseconds) * 1e6
    }

    /// Whether a case of this name is asked for.
    func wants(_ name: String) -> Bool { filter.isEmpty || name.contains(filter) }

    /// Whether a case whose name has `word` may be asked for; asked before costly preparations.
    func wantsGroup(_ word: String) -> Bool { wants(word) || filter.contains(word) }

    /// Measures `body`, which does the operation `count` times.
    ///
    /// - Parameters:
    ///   - limit: Most operations in one run of `body`.
    ///   - between: Done before each run, and not measured.
    mutating func measure(
        _ name: String, limit: Int = 1 << 24, between: () -> Void = {}, _ body: (Int) -> Void
    ) {
        guard wants(name) else { return }
        var count = 1
        while count < limit {
            between()
            let start = thread_nanoseconds()
            body(count)
            let spent = Double(thread_nanoseconds() - start)
            if spent >= roundNanoseconds / 4 {
                count = Int(Double(count) * roundNanoseconds / spent)
                break
            }
            count *= 2
        }
        count = max(1, min(count, limit))

        var times: [Double] = []
        var allocations: [Double] = []
        for _ in 0..<rounds {
            between()
            let made = allocation_count()
            let start = thread_nanoseconds()
            body(count)
            let end = thread_nanoseconds()
            allocations.append(Double(allocation_count() - made) / Double(count))
            times.append(Double(end - start) / Double(count))
        }
        times.sort()
        allocations.sort()
        let result = Result(
            name: name, nanoseconds: times[times.count / 2], leastNanoseconds: times[0],
            allocations: allocations[allocations.count / 2])
        results.append(result)
        printRow(result)
    }

    /// Prints the table's head.
    func printHead() {
        print("| operation                            |  ns (median) |   ns (least) | mallocs |")
        print("|--------------------------------------|-------------:|-------------:|--------:|")
    }

    private func printRow(_ result: Result) {
        print(
            "| \(result.name.padded(36)) | \(text(result.nanoseconds, 1).padded(-12)) "
                + "| \(text(result.leastNanoseconds, 1).padded(-12)) "
                + "| \(text(result.allocations, 2).padded(-7)) |")
    }

    private func text(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let number = Int((value * scale).rounded())
        let fraction = String(number % Int(scale))
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(number / Int(scale)).\(zeros)\(fraction)"
    }
}

extension String {
    /// Padded with spaces to `width`, at the left when it is negative.
    fileprivate func padded(_ width: Int) -> String {
        let spaces = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? spaces + self : self + spaces
    }
}

/// Makes the optimiser believe that `value` is used.
@inline(never)
func keep(_ value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { sink ^= $0[0] }
}

/// Where `keep` leaves a trace, so that what it is given has to be made. One thread measures.
nonisolated(unsafe) private var sink: UInt8 = 0
