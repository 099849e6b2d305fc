import Testing

@testable import Supervisor

@Suite struct ListenerSetTests {
    @Test(arguments: 1...5, 1...5)
    func `every socket has a worker, and every worker a socket`(sockets: Int, workers: Int) {
        let turns = ListenerSet.turns(sockets: sockets, workers: workers)
        #expect(Set(turns.map(\.socket)) == Set(0..<sockets))
        #expect(Set(turns.map(\.worker)) == Set(0..<workers))
        #expect(turns.count == max(sockets, workers))
    }
}
