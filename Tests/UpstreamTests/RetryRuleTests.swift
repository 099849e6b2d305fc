import HTTP
import Primitives
import Testing
import Upstream

@Suite struct RetryRuleTests {
    private func permits(
        _ method: HTTP.Method, sent: Int = 100, reused: Bool = true, replayable: Bool = true,
        answered: Bool = false, attempts: Int = 1
    ) -> Bool {
        RetryRule.permits(
            method: method, sentBytes: sent, wasReused: reused, isReplayable: replayable,
            hasAnswerBegun: answered, attempts: attempts, attemptLimit: 2)
    }

    @Test(arguments: [HTTP.Method.get, .head, .put, .delete, .options])
    func `an idempotent request on a stale connection is sent again`(method: HTTP.Method) {
        #expect(permits(method))
    }

    @Test(arguments: [HTTP.Method.post, .patch, .other])
    func `a request that may have been acted on is not`(method: HTTP.Method) {
        #expect(!permits(method))
        #expect(permits(method, sent: 0, reused: false))
    }

    @Test func `a new connection that fails behind sent bytes is not stale`() {
        #expect(!permits(.get, reused: false))
    }

    @Test func `nothing is sent again once an answer began, bytes are gone or tries are used up`() {
        #expect(!permits(.get, answered: true))
        #expect(!permits(.get, replayable: false))
        #expect(!permits(.get, attempts: 2))
        #expect(!permits(.post, sent: 0, attempts: 2))
    }
}

@Suite struct EndpointAddressesTests {
    @Test func `the generation moves when an answer changes, and only then`() {
        let addresses = EndpointAddresses(endpointCounts: [1, 2])
        let peer = PeerAddress(ipv4: 0x7F00_0001, port: 80)
        let start = addresses.generation
        addresses.set(upstream: 1, endpoint: 1, addresses: [peer])
        #expect(addresses.generation != start)
        #expect(addresses.snapshot() == [[[]], [[], [peer]]])
        let next = addresses.generation
        addresses.set(upstream: 1, endpoint: 1, addresses: [peer])
        addresses.set(upstream: 1, endpoint: 1, addresses: [])
        #expect(addresses.generation == next)
        #expect(addresses.snapshot()[1][1] == [peer])
    }
}
