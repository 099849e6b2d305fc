import Authentication
import Primitives
import Testing

@Suite struct IssuerSetTests {
    @Test func `a set holds what was inserted`() {
        var set = IssuerSet()
        #expect(set.isEmpty)
        for number in [0, 5, 63] { set.insert(number) }
        #expect((-1...64).filter { set.contains($0) } == [0, 5, 63])
    }
}
