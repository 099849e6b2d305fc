import HTTP
import Primitives

/// Heads of messages, parsed in one piece.
enum HTTPCases {
    /// What an API client sends, with a token.
    static let request = Array(
        """
        GET /v1/acme/orders/4711?expand=lines HTTP/1.1\r
        Host: api.example.com\r
        Authorization: Bearer \(SampleTokens.rs256[0])\r
        User-Agent: curl/8.5.0\r
        Accept: application/json\r
        \r

        """.utf8)

    static let response = Array(
        """
        HTTP/1.1 200 OK\r
        Server: nginx/1.22.1\r
        Date: Tue, 24 Nov 2026 20:00:00 GMT\r
        Content-Type: application/json\r
        Content-Length: 150\r
        Connection: keep-alive\r
        \r

        """.utf8)

    static func run(_ harness: inout Harness) {
        let limits = HTTPLimits()
        var head = RequestHead(limits: limits)
        harness.measure("request head, \(request.count) bytes") { count in
            for _ in 0..<count {
                var scanned = 0
                let end = try? head.parse(request.span, scanned: &scanned)
                precondition(end == request.count)
            }
        }
        var answer = ResponseHead(limits: limits)
        harness.measure("response head, \(response.count) bytes") { count in
            for _ in 0..<count {
                var scanned = 0
                let end = try? answer.parse(response.span, scanned: &scanned, requestMethod: .get)
                precondition(end == response.count)
            }
        }
    }
}
