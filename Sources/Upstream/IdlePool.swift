/// Which of a worker's upstream connections wait for work, newest first per endpoint.
///
/// Bookkeeping only: connections and endpoints are numbers. The newest is taken first, because
/// it is the least likely to have been closed by the far side meanwhile.
@safe
public struct IdlePool: ~Copyable {
    private struct Link {
        var next: Int32 = -1
        var previous: Int32 = -1
        var endpoint: Int32 = -1
    }

    private struct List {
        var newest: Int32 = -1
        var oldest: Int32 = -1
        var count: Int32 = 0
    }

    // Safe: both arrays live from init to deinit and have one owner. Numbers are checked where
    // they come in; links hold what was checked before.
    private let links: UnsafeMutablePointer<Link>
    private let lists: UnsafeMutablePointer<List>
    /// Connections are numbered 0 ..< `connections`.
    public let connections: Int
    /// Endpoints are numbered 0 ..< `endpoints`.
    public let endpoints: Int

    /// A pool in which no connection is idle.
    public init(endpoints: Int, connections: Int) {
        precondition(connections > 0 && connections < Int(Int32.max))
        self.endpoints = endpoints
        self.connections = connections
        unsafe links = .allocate(capacity: connections)
        unsafe links.initialize(repeating: Link(), count: connections)
        unsafe lists = .allocate(capacity: max(1, endpoints))
        unsafe lists.initialize(repeating: List(), count: max(1, endpoints))
    }

    deinit {
        unsafe links.deallocate()
        unsafe lists.deallocate()
    }

    /// How many connections to `endpoint` are idle.
    public func count(endpoint: Int) -> Int {
        precondition(endpoint >= 0 && endpoint < endpoints)
        return unsafe Int(lists[endpoint].count)
    }

    /// Whether `connection` is idle.
    public func contains(_ connection: Int) -> Bool {
        precondition(connection >= 0 && connection < connections)
        return unsafe links[connection].endpoint >= 0
    }

    /// Marks `connection` to `endpoint` idle; it must not be.
    public mutating func put(_ connection: Int, endpoint: Int) {
        precondition(!contains(connection) && endpoint >= 0 && endpoint < endpoints)
        let newest = unsafe lists[endpoint].newest
        unsafe links[connection] = Link(next: newest, previous: -1, endpoint: Int32(endpoint))
        if newest >= 0 {
            unsafe links[Int(newest)].previous = Int32(connection)
        } else {
            unsafe lists[endpoint].oldest = Int32(connection)
        }
        unsafe lists[endpoint].newest = Int32(connection)
        unsafe lists[endpoint].count += 1
    }

    /// Takes the newest idle connection to `endpoint`, or nil.
    public mutating func take(endpoint: Int) -> Int? {
        precondition(endpoint >= 0 && endpoint < endpoints)
        let newest = unsafe lists[endpoint].newest
        guard newest >= 0 else { return nil }
        remove(Int(newest))
        return Int(newest)
    }

    /// The connection to `endpoint` that has been idle longest, or nil.
    public func oldest(endpoint: Int) -> Int? {
        precondition(endpoint >= 0 && endpoint < endpoints)
        let oldest = unsafe lists[endpoint].oldest
        return oldest >= 0 ? Int(oldest) : nil
    }

    /// Takes `connection` out; no change when it was not idle.
    public mutating func remove(_ connection: Int) {
        guard contains(connection) else { return }
        let link = unsafe links[connection]
        let endpoint = Int(link.endpoint)
        if link.previous >= 0 {
            unsafe links[Int(link.previous)].next = link.next
        } else {
            unsafe lists[endpoint].newest = link.next
        }
        if link.next >= 0 {
            unsafe links[Int(link.next)].previous = link.previous
        } else {
            unsafe lists[endpoint].oldest = link.previous
        }
        unsafe lists[endpoint].count -= 1
        unsafe links[connection].endpoint = -1
    }
}
