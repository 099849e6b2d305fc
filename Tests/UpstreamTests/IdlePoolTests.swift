import Testing
import Upstream

@Suite struct IdlePoolTests {
    @Test func `the newest idle connection is taken first, the oldest is evicted first`() {
        var pool = IdlePool(endpoints: 2, connections: 4)
        pool.put(0, endpoint: 1)
        pool.put(2, endpoint: 1)
        pool.put(3, endpoint: 1)
        let oldest = pool.oldest(endpoint: 1)
        #expect(oldest == 0)
        let first = pool.take(endpoint: 1)
        let second = pool.take(endpoint: 1)
        #expect(first == 3)
        #expect(second == 2)
        let other = pool.take(endpoint: 0)
        #expect(other == nil)
    }

    @Test func `a connection taken out from the middle leaves the others`() {
        var pool = IdlePool(endpoints: 1, connections: 3)
        for connection in 0..<3 { pool.put(connection, endpoint: 0) }
        pool.remove(1)
        pool.remove(1)
        let count = pool.count(endpoint: 0)
        #expect(count == 2)
        let isIdle = pool.contains(1)
        #expect(!isIdle)
        let taken = [pool.take(endpoint: 0), pool.take(endpoint: 0), pool.take(endpoint: 0)]
        #expect(taken == [2, 0, nil])
    }

    @Test func `any order of puts and removes keeps the counts right`() {
        var random = SystemRandomNumberGenerator()
        var pool = IdlePool(endpoints: 3, connections: 16)
        var model = [Int: Int]()
        for _ in 0..<5000 {
            let connection = Int.random(in: 0..<16, using: &random)
            if model[connection] == nil {
                let endpoint = Int.random(in: 0..<3, using: &random)
                pool.put(connection, endpoint: endpoint)
                model[connection] = endpoint
            } else if Bool.random(using: &random) {
                pool.remove(connection)
                model[connection] = nil
            } else if let endpoint = model[connection], let taken = pool.take(endpoint: endpoint) {
                #expect(model[taken] == endpoint)
                model[taken] = nil
            }
            for endpoint in 0..<3 {
                let count = pool.count(endpoint: endpoint)
                #expect(count == model.values.filter { $0 == endpoint }.count)
            }
        }
    }
}

@Suite struct RoundRobinTests {
    @Test func `endpoints are taken in turn, from the worker's own offset`() {
        var turns = RoundRobin(endpointCounts: [3, 1, 2], offset: 1)
        let taken = [0, 0, 0, 0].map { turns.next(upstream: $0) }
        #expect(taken == [1, 2, 0, 1])
        let single = turns.next(upstream: 1)
        #expect(single == 0)
    }

    @Test func `endpoints have one number among all`() {
        let turns = RoundRobin(endpointCounts: [3, 1, 2], offset: 0)
        var flat = 0
        for (upstream, count) in [3, 1, 2].enumerated() {
            for endpoint in 0..<count {
                let index = turns.flatIndex(upstream: upstream, endpoint: endpoint)
                #expect(index == flat)
                let back = turns.upstream(ofFlatIndex: flat)
                #expect(back == upstream)
                flat += 1
            }
        }
        let total = turns.endpointTotal
        #expect(total == 6)
    }
}
