import LinuxIO
import Testing

@testable import Monitoring

private struct NoPages: MonitoringPages {
    func readiness() -> ReadinessReport { ReadinessReport([]) }
    func metrics() -> PrometheusText { PrometheusText() }
}

struct MonitoringServerTests {
    @Test func bindsWhereTheKernelSays() throws {
        let address = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
        let server = try MonitoringServer(address: address, pages: NoPages())
        let bound = server.address
        #expect(bound != address)
        #expect(bound.description.hasPrefix("127.0.0.1:"))
    }

    @Test func aReportWithoutConditionsIsReady() {
        #expect(ReadinessReport([]).isReady)
        #expect(ReadinessReport([]).text == "ready\n")
    }
}
