import Primitives

/// The parts of a request-target (RFC 9112 §3.2), and its path in normal form.
///
/// Policy is decided on the path's normal form, and that is what goes upstream: percent-encoded
/// unreserved characters decoded, other percent-encodings with upper-case digits (RFC 3986
/// §6.2.2). No dot-segment is removed and no slash merged: a path where that would change
/// something is refused, because the upstream might do it differently.
struct RequestTarget: ~Copyable {
    private(set) var path = ByteRange.empty
    private(set) var query = ByteRange.empty
    private(set) var hasQuery = false
    /// Of a target in absolute-form; empty otherwise.
    private(set) var authority = ByteRange.empty
    private(set) var isAsterisk = false
    /// Whether `normal` holds the path: its bytes in the message are not in normal form.
    private var isRewritten = false
    private var normal: ByteBuffer

    /// - Parameter limitBytes: Longest request-target; its normal form is never longer.
    init(limitBytes: Int) {
        normal = ByteBuffer(capacity: max(limitBytes, 1))
    }

    /// The path in normal form.
    ///
    /// The span shows `bytes`, or memory of this value that the next parse rewrites.
    @_lifetime(copy bytes)
    func path(in bytes: Span<UInt8>) -> Span<UInt8> {
        guard isRewritten else { return bytes.extracting(path) }
        // Safe: the memory is made once and lives as long as the head, which its thread keeps.
        return unsafe _overrideLifetime(normal.span, copying: bytes)
    }

    mutating func removeAll() {
        path = .empty
        query = .empty
        hasQuery = false
        authority = .empty
        isAsterisk = false
        isRewritten = false
    }

    /// Reads the target at `range` of `bytes`; CONNECT's authority-form is not asked for here.
    mutating func parse(
        _ bytes: Span<UInt8>, _ range: ByteRange, method: Method
    ) throws(HTTPError) {
        guard !range.isEmpty else { throw .requestLineMalformed }
        if bytes[range.lower] == .slash {
            try parsePathAndQuery(bytes, from: range.lower, to: range.upper)
            return
        }
        if range.count == 1, bytes[range.lower] == .asterisk {
            guard method == .options else { throw .targetInvalid }
            path = range
            isAsterisk = true
            return
        }
        try parseAbsolute(bytes, range, method: method)
    }

    /// absolute-form (RFC 9112 §3.2.2): every server must take it. Only http and https name
    /// what this proxy serves.
    private mutating func parseAbsolute(
        _ bytes: Span<UInt8>, _ range: ByteRange, method: Method
    ) throws(HTTPError) {
        let target = bytes.extracting(range)
        var start = range.lower
        if target.hasPrefixIgnoringCase("http://") {
            start &+= 7
        } else if target.hasPrefixIgnoringCase("https://") {
            start &+= 8
        } else {
            throw .targetInvalid
        }
        var end = start
        while end < range.upper, bytes[end] != .slash, bytes[end] != .question { end &+= 1 }
        authority = ByteRange(start: start, count: end &- start)
        guard Authority.isValid(bytes.extracting(authority)) else { throw .hostInvalid }
        guard end == range.upper || bytes[end] != .slash else {
            try parsePathAndQuery(bytes, from: end, to: range.upper)
            return
        }
        path = ByteRange(start: end, count: 0)
        if end < range.upper { try parseQuery(bytes, from: end &+ 1, to: range.upper) }
        // An empty path is "/" (RFC 9110 §4.2.3), but "*" for OPTIONS (RFC 9112 §3.2.4).
        isAsterisk = method == .options && !hasQuery
        isRewritten = true
        let whole: UInt8 = isAsterisk ? .asterisk : .slash
        normal.removeAll()
        normal.write { $0.append(whole) }
    }

    private mutating func parsePathAndQuery(
        _ bytes: Span<UInt8>, from start: Int, to end: Int
    ) throws(HTTPError) {
        let table = CharacterClass()
        var position = start
        var hasEscapes = false
        scan: while position < end {
            let byte = bytes[position]
            guard !table.contains(byte, CharacterClass.path) else {
                position &+= 1
                continue
            }
            switch byte {
            case .slash:
                let segment = bytes.extracting((position &+ 1)..<end)
                guard !RequestTarget.isAmbiguous(segment) else { throw .pathAmbiguous }
            case .question: break scan
            case .percent: hasEscapes = true
            case .backslash: throw .pathAmbiguous
            default: throw .targetInvalid
            }
            position &+= 1
        }
        path = ByteRange(start: start, count: position &- start)
        if hasEscapes { try rewritePath(bytes) }
        if position < end { try parseQuery(bytes, from: position &+ 1, to: end) }
    }

    /// Any query that is visible ASCII without `"`, `<`, `>`, `#` or a broken percent-encoding.
    private mutating func parseQuery(
        _ bytes: Span<UInt8>, from start: Int, to end: Int
    ) throws(HTTPError) {
        let table = CharacterClass()
        var position = start
        while position < end {
            let byte = bytes[position]
            if !table.contains(byte, CharacterClass.query) {
                guard byte == .percent, position &+ 2 < end,
                    bytes[position &+ 1].hexValue != nil, bytes[position &+ 2].hexValue != nil
                else { throw .targetInvalid }
            }
            position &+= 1
        }
        hasQuery = true
        query = ByteRange(start: start, count: end &- start)
    }

    /// Writes the normal form of `path`, which holds percent-encodings, and judges it again.
    private mutating func rewritePath(_ bytes: Span<UInt8>) throws(HTTPError) {
        let source = bytes.extracting(path)
        normal.removeAll()
        let isWhole = try normal.write { (writer) throws(HTTPError) -> Bool in
            try RequestTarget.appendNormal(source, to: &writer)
            return !writer.overflowed
        }
        guard isWhole else { throw .startLineTooLong }
        isRewritten = true
        let text = normal.span
        for offset in 0..<text.count where text[offset] == .slash {
            guard !RequestTarget.isAmbiguous(text.extracting((offset &+ 1)..<text.count)) else {
                throw .pathAmbiguous
            }
        }
    }

    private static func appendNormal(
        _ source: Span<UInt8>, to writer: inout ByteWriter
    ) throws(HTTPError) {
        let table = CharacterClass()
        var position = 0
        while position < source.count {
            let byte = source[position]
            guard byte == .percent else {
                writer.append(byte)
                position &+= 1
                continue
            }
            guard position &+ 2 < source.count, let high = source[position &+ 1].hexValue,
                let low = source[position &+ 2].hexValue
            else { throw .targetInvalid }
            let value = high << 4 | low
            // Encoded slash and backslash hide a segment from one of two readers. Encoded control
            // bytes, NUL among them, have no use in a path and many in attacks.
            guard value != .slash, value != .backslash, value >= 0x20, value != 0x7F else {
                throw .pathAmbiguous
            }
            if table.contains(value, CharacterClass.unreserved) {
                writer.append(value)
            } else {
                writer.append(.percent)
                writer.append(high < 10 ? 0x30 &+ high : 0x37 &+ high)
                writer.append(low < 10 ? 0x30 &+ low : 0x37 &+ low)
            }
            position &+= 3
        }
    }

    /// Whether the segment at the front of `rest` is one that recipients read differently: empty
    /// with more behind it, or `.` or `..`, each also before a `;` (some servers drop what
    /// follows it first).
    @inline(__always)
    private static func isAmbiguous(_ rest: Span<UInt8>) -> Bool {
        guard !rest.isEmpty else { return false }
        let first = rest[0]
        guard first == .dot || first == .slash || first == .semicolon else { return false }
        var end = 0
        while end < rest.count, end < 2, rest[end] == .dot { end &+= 1 }
        guard end < rest.count else { return true }
        let next = rest[end]
        return next == .slash || next == .semicolon || (end > 0 && next == .question)
    }
}
