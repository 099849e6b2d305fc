import HTTP
import Primitives
import Testing

/// What a request head said, copied out of it so that expectations can look at it.
struct ParsedRequest: Equatable {
    var consumed = 0
    var method = Method.other
    var methodText = ""
    var version = HTTPVersion.http11
    var rawPath = ""
    var path = ""
    var query: String?
    var authority = ""
    var fields: [String] = []
    var hopByHop: [String] = []
    var framing = BodyFraming.none
    var isPersistent = false
    var expectsContinue = false
    var acceptsTrailers = false
    var isAsteriskForm = false
    var maxForwards: Int64?

    init(_ head: borrowing RequestHead, _ bytes: [UInt8], consumed: Int = 0) {
        let span = bytes.span
        self.consumed = consumed
        method = head.method
        methodText = span.extracting(head.methodText).text()
        version = head.version
        rawPath = span.extracting(head.rawPath).text()
        path = head.path(in: span).text()
        query = head.hasQuery ? span.extracting(head.query).text() : nil
        authority = span.extracting(head.authority).text()
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            let name = span.extracting(field.name).text()
            fields.append("\(name)=\(span.extracting(field.value).text())")
            if field.isHopByHop { hopByHop.append(name) }
        }
        framing = head.framing
        isPersistent = head.isPersistent
        expectsContinue = head.expectsContinue
        acceptsTrailers = head.acceptsTrailers
        isAsteriskForm = head.isAsteriskForm
        maxForwards = head.maxForwards
    }
}

/// What came of parsing one head.
enum Parsed: Equatable {
    case request(ParsedRequest)
    case incomplete
    case refused(HTTPError)

    var request: ParsedRequest? {
        if case .request(let request) = self { return request }
        return nil
    }

    var error: HTTPError? {
        if case .refused(let error) = self { return error }
        return nil
    }
}

/// Parses `text` in one go.
func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) -> Parsed {
    parse(Array(text.utf8), limits: limits)
}

/// Parses `bytes` in one go.
func parse(_ bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) -> Parsed {
    parse(bytes, arriving: [bytes.count], limits: limits)
}

/// Parses `bytes` as they arrive: each step makes that many of them visible.
func parse(
    _ bytes: [UInt8], arriving steps: some Sequence<Int>, limits: HTTPLimits = HTTPLimits()
) -> Parsed {
    var head = RequestHead(limits: limits)
    var scanned = 0
    do throws(HTTPError) {
        for visible in steps {
            let span = bytes.span.extracting(first: visible)
            if let consumed = try head.parse(span, scanned: &scanned) {
                return .request(ParsedRequest(head, bytes, consumed: consumed))
            }
        }
        return .incomplete
    } catch {
        return .refused(error)
    }
}

/// `GET / HTTP/1.1` with a Host and these lines, each without its CRLF.
func get(_ lines: String...) -> String {
    request("GET / HTTP/1.1", ["Host: a.example"] + lines)
}

/// A head of these lines, each without its CRLF.
func request(_ line: String, _ lines: [String] = ["Host: a.example"]) -> String {
    ([line] + lines).joined(separator: "\r\n") + "\r\n\r\n"
}

/// Whether `text` is an authority.
func isAuthority(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return Authority.isValid(bytes.span)
}

/// The number of the name `text`.
func fieldName(_ text: String) -> FieldName {
    let bytes = Array(text.utf8)
    return FieldName(bytes.span)
}
