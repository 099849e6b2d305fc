import LinuxIO
import Testing

@Suite struct MachineStateTests {
    @Test func `room is that of the nearest folder that exists`() throws {
        let root = try #require(MachineState.freeBytes(at: "/"))
        #expect(root > 0)
        #expect(MachineState.freeBytes(at: "/tmp/no/such/folder") != nil)
        #expect(MachineState.freeBytes(at: "/etc/passwd/no") == nil)
        #expect(MachineState.freeBytes(at: "") == nil)
    }

    @Test func `the clock is kept right or not`() { _ = MachineState.isClockSynchronised() }

    @Test func `processor time grows`() {
        let before = ProcessLimits.processorNanoseconds()
        var sum: UInt64 = 0
        for index in 0..<1_000_000 { sum = sum &+ UInt64(index) &* sum | 1 }
        #expect(sum > 0 && ProcessLimits.processorNanoseconds() > before)
    }

    @Test func `an open stream has an identity`() throws {
        let identity = try #require(StandardStream.error.identity)
        #expect(identity.split(separator: ":").compactMap { UInt64($0) }.count == 2)
    }
}
