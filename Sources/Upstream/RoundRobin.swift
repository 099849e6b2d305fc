/// Endpoints in turn, one turn per upstream. One worker owns it.
@safe
public struct RoundRobin: ~Copyable {
    // Safe: the arrays live from init to deinit and have one owner; indices are checked first.
    private let turns: UnsafeMutablePointer<UInt32>
    private let endpointCounts: UnsafeMutablePointer<UInt32>
    private let bases: UnsafeMutablePointer<UInt32>
    private let upstreams: Int
    /// Endpoints of all upstreams together; they are numbered one after the other.
    public let endpointTotal: Int

    /// Turns over `endpointCounts[upstream]` endpoints each; every upstream has at least one.
    ///
    /// - Parameter offset: Where to begin, so that workers do not all begin at the first.
    public init(endpointCounts counts: [Int], offset: Int) {
        upstreams = counts.count
        unsafe turns = .allocate(capacity: max(1, counts.count))
        unsafe endpointCounts = .allocate(capacity: max(1, counts.count))
        unsafe bases = .allocate(capacity: max(1, counts.count))
        var total = 0
        for (upstream, count) in counts.enumerated() {
            precondition(count > 0)
            unsafe (turns + upstream).initialize(to: UInt32(truncatingIfNeeded: offset))
            unsafe (endpointCounts + upstream).initialize(to: UInt32(count))
            unsafe (bases + upstream).initialize(to: UInt32(total))
            total += count
        }
        endpointTotal = total
    }

    deinit {
        unsafe turns.deallocate()
        unsafe endpointCounts.deallocate()
        unsafe bases.deallocate()
    }

    /// The endpoint of `upstream` whose turn it is.
    public mutating func next(upstream: Int) -> Int {
        precondition(upstream >= 0 && upstream < upstreams)
        let turn = unsafe turns[upstream]
        unsafe turns[upstream] = turn &+ 1
        return unsafe Int(turn % endpointCounts[upstream])
    }

    /// How many endpoints `upstream` has.
    public func count(upstream: Int) -> Int {
        precondition(upstream >= 0 && upstream < upstreams)
        return unsafe Int(endpointCounts[upstream])
    }

    /// The number of `endpoint` of `upstream` among all endpoints.
    public func flatIndex(upstream: Int, endpoint: Int) -> Int {
        precondition(upstream >= 0 && upstream < upstreams)
        return unsafe Int(bases[upstream]) + endpoint
    }

    /// The upstream of the endpoint with that number among all endpoints.
    public func upstream(ofFlatIndex flat: Int) -> Int {
        precondition(flat >= 0 && flat < endpointTotal)
        var upstream = upstreams - 1
        while unsafe Int(bases[upstream]) > flat { upstream -= 1 }
        return upstream
    }
}
