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

    @Test func `a histogram adds its buckets up, and ends without a bound`() {
        var page = PrometheusText()
        page.add(
            "wait_seconds", "How long.", buckets: [(2, 0.5), (0, 1), (3, nil)], sumSeconds: 7.5)
        #expect(
            page.text == """
                # HELP wait_seconds How long.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.5"} 2
                wait_seconds_bucket{le="1.0"} 2
                wait_seconds_bucket{le="+Inf"} 5
                wait_seconds_sum 7.5
                wait_seconds_count 5

                """)
    }

    @Test func `a summary has a sum and a count`() {
        var page = PrometheusText()
        page.add("sync_seconds", "How long.", count: 4, sumSeconds: 0.25)
        #expect(page.text.hasSuffix("summary\nsync_seconds_sum 0.25\nsync_seconds_count 4\n"))
    }
}
