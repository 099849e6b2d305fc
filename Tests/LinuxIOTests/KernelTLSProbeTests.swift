import LinuxIO
import Testing

@Suite struct KernelTLSProbeTests {
    @Test func `the answer does not change`() {
        let first = KernelTLSProbe.isAvailable
        #expect(KernelTLSProbe.isAvailable == first)
    }
}
