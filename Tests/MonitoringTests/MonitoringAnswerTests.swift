import HTTP
import Testing

@testable import Monitoring

private struct FixedPages: MonitoringPages {
    var problem: String?

    func readiness() -> ReadinessReport {
        ReadinessReport([
            ReadinessReport.Condition("workers", problem: nil),
            ReadinessReport.Condition("audit-log", problem: problem),
        ])
    }

    func metrics() -> PrometheusText {
        var page = PrometheusText()
        page.add("demo_open", .gauge, "Open now.", 3)
        return page
    }
}

struct MonitoringAnswerTests {
    private func answer(
        _ request: String, problem: String? = nil
    ) -> MonitoringAnswer? {
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        let bytes = Array(request.utf8)
        return MonitoringAnswer.answer(
            bytes.span, head: &head, scanned: &scanned, pages: FixedPages(problem: problem))
    }

    private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

    @Test func isAliveWhateverHasFailed() {
        let alive = answer(get("/livez"), problem: "full")
        #expect(alive?.status == 200)
        #expect(alive?.body == "alive\n")
    }

    @Test func saysWhyItIsNotReady() {
        #expect(answer(get("/readyz"))?.status == 200)
        let refused = answer(get("/readyz"), problem: "disk full")
        #expect(refused?.status == 503)
        #expect(
            refused?.body == "not ready\nfailed  audit-log: disk full\nok      workers\n")
    }

    @Test func showsMetrics() {
        let page = answer(get("/metrics"))
        #expect(page?.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(page?.body.contains("demo_open 3\n") == true)
    }

    @Test(arguments: [
        ("GET /metrics/x HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
        ("GET /metrics\r\n\r\n", 400), ("GET /metrics HTTP/1.1\r\n\r\n", 400),
    ])
    func refuses(_ request: String, _ status: UInt16) {
        #expect(answer(request)?.status == status)
    }

    @Test func waitsForAWholeHead() {
        #expect(answer("GET /livez HTTP/1.1\r\nHost: a\r\n") == nil)
    }

    @Test func headHasNoBody() {
        let answer = answer("HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = String(decoding: answer?.bytes ?? [], as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("Content-Length: 6\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }
}
