import Primitives

/// The head of one request (RFC 9112 §2.1), parsed in place: one per worker, reused.
///
/// Answers are ranges of the bytes that `parse` was given. Nothing is allocated after `init`.
public struct RequestHead: ~Copyable {
    /// The method; `methodText` has its bytes.
    public private(set) var method = Method.other
    /// Where the method's token is.
    public private(set) var methodText = ByteRange.empty
    /// The version that the request is processed as.
    public private(set) var version = HTTPVersion.http11
    /// The host and port asked for: of the target in absolute-form, else of Host (RFC 9112
    /// §3.2.2, §3.3). Valid; empty only in HTTP/1.0.
    public private(set) var authority = ByteRange.empty
    /// The field lines.
    public private(set) var fields: FieldTable
    /// How the body is delimited.
    public private(set) var framing = BodyFraming.none
    /// Whether the client can send another request on the connection (RFC 9112 §9.3).
    public private(set) var isPersistent = false
    /// Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
    public private(set) var expectsContinue = false
    /// Whether the client takes trailers (`TE: trailers`, RFC 9110 §10.1.4).
    public private(set) var acceptsTrailers = false
    /// The number of Max-Forwards; nil unless the method is OPTIONS (RFC 9110 §7.6.2: other
    /// methods have no use for it; TRACE is refused).
    public private(set) var maxForwards: Int64?

    private var target: RequestTarget
    private let limits: HTTPLimits

    /// Memory for one head within `limits`.
    public init(limits: HTTPLimits) {
        self.limits = limits
        fields = FieldTable(capacity: limits.fieldCount, endsUnderscores: true)
        target = RequestTarget(limitBytes: limits.requestLineBytes)
    }

    /// The path as it was sent, without the query; empty when an absolute-form has none.
    public var rawPath: ByteRange { target.path }
    /// The query without its question mark.
    public var query: ByteRange { target.query }
    /// Whether there is a question mark, perhaps with nothing behind it.
    public var hasQuery: Bool { target.hasQuery }
    /// Whether the target is `*` (RFC 9112 §3.2.4), or an absolute-form that means it.
    public var isAsteriskForm: Bool { target.isAsterisk }

    /// The path in normal form: percent-encoded unreserved characters decoded, other
    /// percent-encodings in upper case. Policy judges it and it goes upstream.
    ///
    /// - Parameter bytes: What `parse` was given.
    /// - Returns: A part of `bytes`, or memory of this head, which the next parse rewrites.
    @_lifetime(copy bytes)
    public func path(in bytes: Span<UInt8>) -> Span<UInt8> {
        target.path(in: bytes)
    }

    /// Parses the head at the start of `bytes`; what stands behind it is not looked at.
    ///
    /// One empty line before the request line is skipped (RFC 9112 §2.2). After a throw, what
    /// was parsed before the offence stays readable and the rest is empty; after nil, all is.
    ///
    /// - Parameter scanned: The connection's memory of a head that is not whole: 0 at first,
    ///   and again after a head.
    /// - Returns: Bytes of the head, its empty line included; nil when it is not whole.
    public mutating func parse(
        _ bytes: Span<UInt8>, scanned: inout Int
    ) throws(HTTPError) -> Int? {
        removeAll()
        guard HeadScan.isDue(bytes, scanned: &scanned, limits: limits) else { return nil }
        if let end = try parseWhole(bytes) {
            scanned = 0
            return end
        }
        scanned = HeadScan.progress(bytes)
        removeAll()
        return nil
    }

    /// Parses as much as there is of a head that will not become whole, for the record of a
    /// request that timed out or was given up. What came is readable, the rest is empty.
    public mutating func parseUnfinished(_ bytes: Span<UInt8>) {
        removeAll()
        do throws(HTTPError) {
            _ = try parseWhole(bytes)
        } catch {
            // The caller has a reason of its own; what stands before the offence is wanted.
        }
    }

    private mutating func removeAll() {
        method = .other
        methodText = .empty
        version = .http11
        authority = .empty
        fields.removeAll()
        framing = .none
        isPersistent = false
        expectsContinue = false
        acceptsTrailers = false
        maxForwards = nil
        target.removeAll()
    }

    private mutating func parseWhole(_ bytes: Span<UInt8>) throws(HTTPError) -> Int? {
        let window = bytes.extracting(first: limits.headBytes)
        guard let lineEnd = try parseRequestLine(window) else { return nil }
        guard let end = try fields.parse(window, from: lineEnd) else {
            guard bytes.count < limits.headBytes else { throw .headTooLarge }
            return nil
        }
        try interpret(window)
        return end
    }

    /// - Returns: Position after the request line.
    private mutating func parseRequestLine(_ bytes: Span<UInt8>) throws(HTTPError) -> Int? {
        let window = bytes.extracting(first: limits.requestLineBytes)
        let start = window.startsWithEmptyLine ? 2 : 0
        guard let end = try LineEnd.find(window, from: start, refusal: .requestLineMalformed)
        else {
            guard bytes.count < limits.requestLineBytes else { throw .startLineTooLong }
            return nil
        }
        let position = window.firstNonToken(from: start)
        // " /" and " HTTP/1.1" at least must follow the method.
        guard position > start, end &- position >= 11, window[position] == .space,
            window[end &- 9] == .space
        else { throw .requestLineMalformed }
        methodText = ByteRange(start: start, count: position &- start)
        method = Method(window.extracting(methodText))
        version = try window.version(at: end &- 8, refusal: .requestLineMalformed)
        guard method != .connect, method != .trace else { throw .methodRefused }
        let range = ByteRange(start: position &+ 1, count: end &- 10 &- position)
        guard window.extracting(range).firstIndex(of: .space, from: 0) == nil else {
            throw .requestLineMalformed
        }
        try target.parse(window, range, method: method)
        return end &+ 2
    }

    /// What the fields mean, once all are there.
    private mutating func interpret(_ bytes: Span<UInt8>) throws(HTTPError) {
        try readHost(bytes)
        framing = try BodyFraming.declared(by: fields, in: bytes, version: version) ?? .none
        let options = try ConnectionOptions.read(
            &fields, in: bytes, limit: limits.connectionOptionCount, isRequest: true)
        try readExpectation(bytes)
        try readMaxForwards(bytes)
        acceptsTrailers = hasTrailersInTE(bytes)
        isPersistent = !options.hasClose && (version == .http11 || options.hasKeepAlive)
    }

    /// RFC 9112 §3.2: exactly one valid Host in HTTP/1.1, and none wrong in HTTP/1.0. It must be
    /// there beside an absolute-form too, whose authority takes its place.
    private mutating func readHost(_ bytes: Span<UInt8>) throws(HTTPError) {
        authority = target.authority
        guard let index = fields.first(.host) else {
            guard version == .http10 else { throw .hostMissing }
            return
        }
        guard !fields.isRepeated(.host) else { throw .hostDuplicate }
        let host = fields[index].value
        guard Authority.isValid(bytes.extracting(host)) else { throw .hostInvalid }
        if authority.isEmpty { authority = host }
    }

    /// RFC 9110 §10.1.1: 100-continue is the only expectation; one in HTTP/1.0 or without a body
    /// is not waited for.
    private mutating func readExpectation(_ bytes: Span<UInt8>) throws(HTTPError) {
        guard let index = fields.first(.expect) else { return }
        guard !fields.isRepeated(.expect),
            bytes.extracting(fields[index].value).equalsIgnoringCase("100-continue")
        else { throw .expectationUnknown }
        expectsContinue = version == .http11 && framing != .none && framing != .length(0)
    }

    private mutating func readMaxForwards(_ bytes: Span<UInt8>) throws(HTTPError) {
        guard method == .options, let index = fields.first(.maxForwards) else { return }
        guard !fields.isRepeated(.maxForwards),
            let number = bytes.extracting(fields[index].value).decimalNumber()
        else { throw .maxForwardsInvalid }
        maxForwards = number
    }

    private func hasTrailersInTE(_ bytes: Span<UInt8>) -> Bool {
        guard let first = fields.first(.te) else { return false }
        for index in first..<fields.count where fields[index].known == .te {
            let list = bytes.extracting(fields[index].value)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                if list.extracting(range).equalsIgnoringCase("trailers") { return true }
            }
        }
        return false
    }
}

extension Span where Element == UInt8 {
    var startsWithEmptyLine: Bool {
        count >= 2 && self[0] == .carriageReturn && self[1] == .lineFeed
    }

    /// `HTTP-version` (RFC 9112 §2.3) in the eight bytes at `offset`, letter case included.
    ///
    /// A minor version above 1 is processed as 1 (RFC 9110 §2.5).
    @inline(__always)
    func version(at offset: Int, refusal: HTTPError) throws(HTTPError) -> HTTPVersion {
        // "HTTP/1.1" and "HTTP/1.0" as little-endian words.
        switch word(at: offset) {
        case 0x312E_312F_5054_5448: return .http11
        case 0x302E_312F_5054_5448: return .http10
        default: break
        }
        let text = extracting(offset..<(offset &+ 8))
        guard text.extracting(first: 5).equals("HTTP/"), text[5].isASCIIDigit, text[6] == .dot,
            text[7].isASCIIDigit
        else { throw refusal }
        guard text[5] == 0x31 else { throw .versionUnsupported }
        return .http11
    }
}
