import Primitives

/// The head of one response (RFC 9112 §4), parsed in place: one per worker, reused.
///
/// Answers are ranges of the bytes that `parse` was given. Nothing is allocated after `init`.
public struct ResponseHead: ~Copyable {
    /// The status code, 100 to 599.
    public private(set) var status: UInt16 = 0
    /// The version that the response is processed as.
    public private(set) var version = HTTPVersion.http11
    /// Where the reason phrase is; often empty, never needed.
    public private(set) var reasonPhrase = ByteRange.empty
    /// The field lines.
    public private(set) var fields: FieldTable
    /// How the body is delimited.
    public private(set) var framing = BodyFraming.none
    /// Whether the connection can carry another request after the body (RFC 9112 §9.3).
    public private(set) var isPersistent = false

    private let limits: HTTPLimits

    /// Memory for one head within `limits`.
    public init(limits: HTTPLimits) {
        self.limits = limits
        fields = FieldTable(capacity: limits.fieldCount, endsUnderscores: false)
    }

    /// Parses the head at the start of `bytes`; what stands behind it is not looked at.
    ///
    /// - Parameters:
    ///   - scanned: The connection's memory of a head that is not whole: 0 at first, and again
    ///     after a head.
    ///   - requestMethod: The method of the request that it answers; HEAD's has no body.
    /// - Returns: Bytes of the head, its empty line included; nil when it is not whole.
    public mutating func parse(
        _ bytes: Span<UInt8>, scanned: inout Int, requestMethod: Method
    ) throws(HTTPError) -> Int? {
        removeAll()
        guard HeadScan.isDue(bytes, scanned: &scanned, limits: limits) else { return nil }
        if let end = try parseWhole(bytes, requestMethod: requestMethod) {
            scanned = 0
            return end
        }
        scanned = HeadScan.progress(bytes)
        removeAll()
        return nil
    }

    private mutating func removeAll() {
        status = 0
        version = .http11
        reasonPhrase = .empty
        fields.removeAll()
        framing = .none
        isPersistent = false
    }

    private mutating func parseWhole(
        _ bytes: Span<UInt8>, requestMethod: Method
    ) throws(HTTPError) -> Int? {
        let window = bytes.extracting(first: limits.headBytes)
        guard let lineEnd = try parseStatusLine(window) else { return nil }
        guard let end = try fields.parse(window, from: lineEnd) else {
            guard bytes.count < limits.headBytes else { throw .headTooLarge }
            return nil
        }
        try interpret(window, requestMethod: requestMethod)
        return end
    }

    /// The space before an empty reason phrase may be missing: §4 asks for it, many servers
    /// leave it out, and nothing can be read into its absence.
    ///
    /// - Returns: Position after the status line.
    private mutating func parseStatusLine(_ bytes: Span<UInt8>) throws(HTTPError) -> Int? {
        let window = bytes.extracting(first: limits.requestLineBytes)
        guard let end = try LineEnd.find(window, from: 0, refusal: .statusLineMalformed) else {
            guard bytes.count < limits.requestLineBytes else { throw .startLineTooLong }
            return nil
        }
        guard end >= 12, window[8] == .space, end == 12 || window[12] == .space else {
            throw .statusLineMalformed
        }
        version = try window.version(at: 0, refusal: .statusLineMalformed)
        guard let code = window.extracting(9..<12).decimalNumber(), code >= 100, code < 600 else {
            throw .statusLineMalformed
        }
        status = UInt16(code)
        if end > 13 { reasonPhrase = ByteRange(start: 13, count: end &- 13) }
        return end &+ 2
    }

    private mutating func interpret(
        _ bytes: Span<UInt8>, requestMethod: Method
    ) throws(HTTPError) {
        let options = try ConnectionOptions.read(
            &fields, in: bytes, limit: limits.connectionOptionCount, isRequest: false)
        isPersistent = !options.hasClose && (version == .http11 || options.hasKeepAlive)
        // RFC 9112 §6.3: these end with their head, whatever their fields say.
        if status < 200 { return }
        if status == 204 {
            if announcesBody(bytes) { isPersistent = false }
            return
        }
        let declared = try BodyFraming.declared(by: fields, in: bytes, version: version)
        if status == 304 || requestMethod == .head { return }
        framing = declared ?? .untilClose
        if framing == .untilClose { isPersistent = false }
    }

    /// Whether the fields of a 204 promise a body against RFC 9110 §8.6 and RFC 9112 §6.1. Its
    /// server may send one too, later, and it must not be read as the next answer.
    private func announcesBody(_ bytes: Span<UInt8>) -> Bool {
        if fields.contains(.transferEncoding) || fields.isRepeated(.contentLength) { return true }
        guard let index = fields.first(.contentLength) else { return false }
        return bytes.extracting(fields[index].value).decimalNumber() != 0
    }
}
