import HTTP
import Primitives
import Testing

@Suite struct ConnectionOptionsTests {
    @Test func `RFC 9110 §7.6.1: fields of one hop are marked by name`() {
        let head = parse(
            get(
                "Keep-Alive: timeout=5", "Proxy-Connection: x", "TE: trailers", "Upgrade: h2c",
                "HTTP2-Settings: x", "Proxy-Authorization: Basic x", "Transfer-Encoding: chunked",
                "Accept: b"))
        let names = [
            "Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "HTTP2-Settings",
            "Proxy-Authorization", "Transfer-Encoding",
        ]
        #expect(head.request?.hopByHop == names)
    }

    @Test func `RFC 9110 §7.6.1: fields that Connection names are marked, wherever they stand`() {
        let head = parse(
            get(
                "X-One: 1", "Connection: x-one ,, X-TWO", "X-Two: 2", "x-two: 3", "X-Three: 4",
                "Connection: x-four", "X-Four: 5", "X-On: 6"))
        let names = ["X-One", "Connection", "X-Two", "x-two", "Connection", "X-Four"]
        #expect(head.request?.hopByHop == names)
    }

    @Test(arguments: [
        "Host", "authorization", "Cookie", "Content-Length", "Content-Type", "Expect", "Forwarded",
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Anything", "X-Real-IP", "Via",
        "X-Request-Id", "traceparent", "Max-Forwards", "Date", "a b", "\"close\"", "close;x", "@",
        "\u{e9}",
    ])
    func `RFC 9110 §7.6.1: a request's Connection names no field of the whole way`(
        option: String
    ) {
        for line in ["Connection: \(option)", "Connection: close, \(option)"] {
            let error = parse(get(line)).error
            #expect(error == .connectionOptionRefused)
            #expect(error?.reason == .requestConnectionFieldRefused)
        }
        #expect(parse(get("Connection: x", "Connection: \(option)")).error != nil)
    }

    @Test func `RFC 3875 §4.1.18: names that CGI reads as others end at this hop, in requests`() {
        let head = parse(
            get("X_Real_IP: 1", "X-Note_: 2", "X-Note: 3", "Content_Length: 4", "_: 5"))
        #expect(head.request?.hopByHop == ["X_Real_IP", "X-Note_", "Content_Length", "_"])
        #expect(head.request?.framing == BodyFraming.none)
        let response = ResponseHeadTests.read("HTTP/1.1 200 OK", ["X_A: b"]).response
        #expect(response?.hopByHop == [])
    }

    @Test func `options past the limit are refused`() {
        let sixteen = Array(repeating: "a", count: 16).joined(separator: ",")
        #expect(parse(get("Connection: \(sixteen)")).request != nil)
        #expect(parse(get("Connection: \(sixteen),b")).error == .connectionOptionsTooMany)
        let two = get("Connection: \(sixteen)", "Connection: b")
        #expect(parse(two).error == .connectionOptionsTooMany)
    }
}
