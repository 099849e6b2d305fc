import Primitives
import RateLimiting
import Synchronization
import Testing

private final class SharedNumber: Sendable {
    let number: Atomic<UInt64>

    init(_ number: UInt64) {
        self.number = Atomic(number)
    }
}

@Suite struct LimitTableTests {
    private static let secret: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    private static let second: UInt64 = 1_000_000_000
    private static let start = Instant(nanoseconds: 5_000 * second)

    private func rule(perSecond: UInt64, burst: UInt32) -> LimitRule {
        LimitRule(
            key: .subject, emissionNanoseconds: Self.second / perSecond, burst: burst)
    }

    @Test func `a burst passes, then one request per emission interval`() {
        let table = LimitTable(slots: 1024, secret: Self.secret)
        let rule = rule(perSecond: 10, burst: 3)
        let key = table.key(limit: 0, route: 1)
        for left in [2, 1, 0] as [UInt32] {
            let decision = table.take(limit: rule, keyHash: key, now: Self.start)
            #expect(decision.outcome == .allowed)
            #expect(decision.remaining == left)
        }
        let refused = table.take(limit: rule, keyHash: key, now: Self.start)
        #expect(refused.outcome == .exceeded)
        #expect(refused.remaining == 0)
        #expect(refused.retryAfterNanoseconds == 100_000_000)
        #expect(refused.resetNanoseconds == 300_000_000)
        let early = Self.start.advanced(nanoseconds: 99_999_999)
        #expect(table.take(limit: rule, keyHash: key, now: early).outcome == .exceeded)
        let due = Self.start.advanced(nanoseconds: 100_000_000)
        #expect(table.take(limit: rule, keyHash: key, now: due).outcome == .allowed)
        #expect(table.take(limit: rule, keyHash: key, now: due).outcome == .exceeded)
    }

    @Test func `retry-after of a refusal is the first moment that is allowed`() {
        let table = LimitTable(slots: 1024, secret: Self.secret)
        let rule = rule(perSecond: 3, burst: 2)
        let key = table.key(limit: 0, route: 1)
        var now = Self.start
        for _ in 0..<2 { _ = table.take(limit: rule, keyHash: key, now: now) }
        for _ in 0..<50 {
            let wait = table.take(limit: rule, keyHash: key, now: now).retryAfterNanoseconds
            let almost = now.advanced(nanoseconds: wait - 1)
            #expect(table.take(limit: rule, keyHash: key, now: almost).outcome == .exceeded)
            now = now.advanced(nanoseconds: wait)
            #expect(table.take(limit: rule, keyHash: key, now: now).outcome == .allowed)
        }
    }

    @Test func `keys of limits, issuers, subjects, addresses and routes are apart`() {
        let table = LimitTable(slots: 1024, secret: Self.secret)
        let anna = Array("anna".utf8)
        let otto = Array("otto".utf8)
        let nobody: [UInt8] = []
        let keys = [
            table.key(limit: 0, subject: anna.span, issuer: 0),
            table.key(limit: 1, subject: anna.span, issuer: 0),
            table.key(limit: 0, subject: anna.span, issuer: 1),
            table.key(limit: 0, subject: otto.span, issuer: 0),
            table.key(limit: 0, subject: nobody.span, issuer: 0),
            table.key(limit: 0, address: Identifier128(high: 1, low: 1)),
            table.key(limit: 0, address: PeerAddress(ipv4: 1, port: 0).address),
            table.key(limit: 0, address: PeerAddress(ipv4: 2, port: 0).address),
            table.key(limit: 0, route: 0), table.key(limit: 0, route: 1),
        ]
        for (index, key) in keys.enumerated() {
            for other in keys[(index + 1)...] { #expect(key != other) }
        }
    }

    @Test func `an IPv6 client is counted by its /64`() {
        let table = LimitTable(slots: 1024, secret: Self.secret)
        let one = table.key(limit: 0, address: Identifier128(high: 0x2001_0DB8_0000_0001, low: 1))
        let two = table.key(limit: 0, address: Identifier128(high: 0x2001_0DB8_0000_0001, low: 2))
        let far = table.key(limit: 0, address: Identifier128(high: 0x2001_0DB8_0000_0002, low: 1))
        #expect(one == two)
        #expect(one != far)
    }

    @Test func `a full set refuses a new key and keeps counting the old ones`() {
        let table = LimitTable(slots: 16, secret: Self.secret)
        let rule = rule(perSecond: 1, burst: 2)
        for route in 0..<16 {
            let key = table.key(limit: 0, route: route)
            let outcome = table.take(limit: rule, keyHash: key, now: Self.start).outcome
            #expect(outcome == .allowed)
        }
        let late = table.key(limit: 0, route: 16)
        let refused = table.take(limit: rule, keyHash: late, now: Self.start)
        #expect(refused.outcome == .tableFull)
        #expect(refused.retryAfterNanoseconds == Self.second)
        for route in 0..<16 {
            let key = table.key(limit: 0, route: route)
            let outcomes = (0..<2).map { _ in
                table.take(limit: rule, keyHash: key, now: Self.start).outcome
            }
            #expect(outcomes == [.allowed, .exceeded])
        }
        // Two seconds until nothing is owed, and one of grace.
        let almost = Self.start.advanced(nanoseconds: 3 * Self.second - 1)
        #expect(table.take(limit: rule, keyHash: late, now: almost).outcome == .tableFull)
        let free = Self.start.advanced(nanoseconds: 3 * Self.second)
        #expect(table.take(limit: rule, keyHash: late, now: free).outcome == .allowed)
    }

    @Test(arguments: [(1, 16), (16, 16), (17, 32), (1000, 1024)])
    func `slots are rounded up to a power of two`(wanted: Int, got: Int) {
        #expect(LimitTable(slots: wanted, secret: Self.secret).slots == got)
    }

    @Test func `a limit that would never refill is cut, not overflowed`() {
        let rule = LimitRule(key: .route, emissionNanoseconds: .max, burst: .max)
        #expect(rule.toleranceNanoseconds == RateLimit.longestRefillNanoseconds)
        let table = LimitTable(slots: 16, secret: Self.secret)
        let key = table.key(limit: 0, route: 0)
        #expect(table.take(limit: rule, keyHash: key, now: Self.start).outcome == .allowed)
        #expect(table.take(limit: rule, keyHash: key, now: Self.start).outcome == .exceeded)
    }

    /// Every request of every thread at one moment: the sum is the burst, to the request.
    @Test(arguments: [1, 2, 4])
    func `two threads on one key are allowed the burst exactly`(keys: Int) async {
        let burst: UInt32 = 20_000
        let table = LimitTable(slots: 64, secret: Self.secret)
        let rule = rule(perSecond: 1000, burst: burst)
        for round in 0..<20 {
            let now = Self.start.advanced(nanoseconds: UInt64(round) * 60 * Self.second)
            let allowed = await withTaskGroup(of: Int.self, returning: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        var count = 0
                        for turn in 0..<Int(burst) * keys {
                            let key = table.key(limit: 0, route: turn % keys)
                            let decision = table.take(limit: rule, keyHash: key, now: now)
                            if decision.outcome == .allowed { count += 1 }
                        }
                        return count
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(allowed == Int(burst) * keys)
        }
    }

    /// Time moves on for both threads together, so budget comes back while they compete.
    @Test func `two threads on one key are allowed burst and refill exactly`() async {
        let table = LimitTable(slots: 64, secret: Self.secret)
        let rule = rule(perSecond: 1000, burst: 50)
        let shared = SharedNumber(Self.start.nanoseconds)
        let milliseconds = 3000
        let allowed = await withTaskGroup(of: Int.self, returning: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let key = table.key(limit: 0, route: 0)
                    var count = 0
                    let end = Self.start.nanoseconds + UInt64(milliseconds) * 1_000_000
                    while true {
                        let now = shared.number.load(ordering: .sequentiallyConsistent)
                        let decision = table.take(
                            limit: rule, keyHash: key, now: Instant(nanoseconds: now))
                        if decision.outcome == .allowed {
                            count += 1
                        } else if now >= end {
                            return count
                        } else {
                            // Only one thread moves the time on from a moment that is used up.
                            _ = shared.number.compareExchange(
                                expected: now, desired: now + 1_000_000,
                                ordering: .sequentiallyConsistent)
                        }
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == 50 + milliseconds)
    }

    /// Few slots, many keys that come and go: claims, removals and reuse all the time.
    @Test func `threads that fight for slots never count a key twice`() async {
        let table = LimitTable(slots: 32, secret: Self.secret)
        let rule = rule(perSecond: 1, burst: 1)
        let rounds = 3000
        let arrived = SharedNumber(0)
        let allowed = await withTaskGroup(of: Int.self, returning: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var count = 0
                    for round in 0..<rounds {
                        // Both threads begin each round together, with all slots free.
                        arrived.number.add(1, ordering: .sequentiallyConsistent)
                        let all = UInt64(2 * (round + 1))
                        while arrived.number.load(ordering: .sequentiallyConsistent) < all {
                            await Task.yield()
                        }
                        let now = Self.start.advanced(
                            nanoseconds: UInt64(round) * 10 * Self.second)
                        for key in 0..<8 {
                            let hash = table.key(limit: 0, route: round * 8 + key)
                            if table.take(limit: rule, keyHash: hash, now: now).outcome == .allowed
                            {
                                count += 1
                            }
                        }
                    }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == rounds * 8)
    }
}
