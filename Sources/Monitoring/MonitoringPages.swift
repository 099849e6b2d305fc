import HTTP
import Primitives

/// What the monitoring listener shows. Called by its thread, for each request.
public protocol MonitoringPages: Sendable {
    /// Whether the proxy should be sent requests now (`/readyz`).
    func readiness() -> ReadinessReport
    /// The metrics of now (`/metrics`).
    func metrics() -> PrometheusText
}

/// Answers a monitoring request: `/livez`, `/readyz`, `/metrics`, and nothing else.
struct MonitoringAnswer {
    var status: UInt16
    var contentType = "text/plain; charset=utf-8"
    var body: String
    var isHead = false

    /// The answer to the request that `bytes` begin with; nil when its head is not whole yet.
    ///
    /// - Parameters:
    ///   - head: Memory of the parser.
    ///   - scanned: The connection's memory of an unfinished head, 0 at first.
    static func answer(
        _ bytes: Span<UInt8>, head: inout RequestHead, scanned: inout Int,
        pages: any MonitoringPages
    ) -> MonitoringAnswer? {
        do throws(HTTPError) {
            guard try head.parse(bytes, scanned: &scanned) != nil else { return nil }
        } catch {
            return MonitoringAnswer(status: 400, body: "bad request\n")
        }
        guard head.method == .get || head.method == .head else {
            return MonitoringAnswer(status: 405, body: "GET or HEAD\n")
        }
        var answer = page(head.path(in: bytes).text(), pages)
        answer.isHead = head.method == .head
        return answer
    }

    private static func page(_ path: String, _ pages: any MonitoringPages) -> MonitoringAnswer {
        switch path {
        case "/livez":
            return MonitoringAnswer(status: 200, body: "alive\n")
        case "/readyz":
            let report = pages.readiness()
            return MonitoringAnswer(status: report.isReady ? 200 : 503, body: report.text)
        case "/metrics":
            return MonitoringAnswer(
                status: 200, contentType: PrometheusText.contentType, body: pages.metrics().text)
        default:
            return MonitoringAnswer(status: 404, body: "/livez, /readyz and /metrics are here\n")
        }
    }

    /// The bytes on the wire; the connection is closed behind them.
    var bytes: [UInt8] {
        let length = body.utf8.count
        var text = "HTTP/1.1 \(status) \(Status.phrase(status))\r\n"
        text += "Content-Type: \(contentType)\r\nContent-Length: \(length)\r\n"
        text += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        if status == 405 { text += "Allow: GET, HEAD\r\n" }
        text += "Connection: close\r\n\r\n"
        if !isHead { text += body }
        return Array(text.utf8)
    }
}
