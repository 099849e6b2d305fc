import Testing

@testable import Supervisor

@Suite struct CertificateDatesTests {
    @Test func `places that are gone are forgotten`() {
        let dates = CertificateDates()
        dates.publish(20, of: "listener b")
        dates.publish(10, of: "listener a")
        #expect(dates.all.map(\.place) == ["listener a", "listener b"])
        dates.keep(["listener b"])
        #expect(dates.all.map(\.notAfter) == [20])
        dates.publish(nil, of: "listener b")
        #expect(dates.all.isEmpty)
    }
}
