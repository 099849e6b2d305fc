import Testing

@testable import Monitoring

struct PrometheusTextTests {
    @Test func writesWhatPrometheusReads() {
        var page = PrometheusText()
        page.begin("demo_requests_total", .counter, "Requests.")
        page.add("demo_requests_total", ["worker": "0", "route": "a"], 7)
        page.add("demo_open", .gauge, "Open now.", 3)
        page.begin("demo_age_seconds", .gauge, "Age.")
        page.add("demo_age_seconds", seconds: 0.25)
        #expect(
            page.text == """
                # HELP demo_requests_total Requests.
                # TYPE demo_requests_total counter
                demo_requests_total{worker="0",route="a"} 7
                # HELP demo_open Open now.
                # TYPE demo_open gauge
                demo_open 3
                # HELP demo_age_seconds Age.
                # TYPE demo_age_seconds gauge
                demo_age_seconds 0.25

                """)
    }

    @Test func escapesLabels() {
        var page = PrometheusText()
        page.begin("demo_info", .gauge, "Info.")
        page.add("demo_info", ["version": "a\"b\\c\nd"], 1)
        #expect(page.text.hasSuffix("demo_info{version=\"a\\\"b\\\\c\\nd\"} 1\n"))
    }
}
