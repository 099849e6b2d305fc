import Primitives
import Testing

@Suite struct NumberSetTests {
    private enum Thing {}

    @Test func `a set holds what was inserted, and nothing beside it`() {
        var set = NumberSet<Thing>()
        #expect(set.isEmpty)
        for number in [0, 5, 63] { set.insert(number) }
        let held = (-1...64).filter { set.contains($0) }
        #expect(held == [0, 5, 63])
        #expect(!set.isEmpty)
    }

    @Test func `sets meet in a number that both hold`() {
        let set = NumberSet<Thing>(bits: 0b101)
        #expect(set.intersects(NumberSet(bits: 0b100)))
        #expect(!set.intersects(NumberSet(bits: 0b010)))
        #expect(!set.intersects(NumberSet()))
    }
}
