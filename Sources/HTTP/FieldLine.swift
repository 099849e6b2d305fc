import Primitives

/// One field line (RFC 9112 §5): where its name, its value and its end are.
///
/// Refused: white space before the colon, a name that is no token, a line that begins with
/// white space (obs-fold, which §5.2 lets a server refuse), CR, LF, NUL and every other control
/// byte but HTAB in the value, and a line that ends with LF alone (§2.2 would permit it, but
/// peers that disagree about line ends are how requests get smuggled).
struct FieldLine {
    let name: ByteRange
    /// Without the white space around it.
    let value: ByteRange
    /// Position after the line's CRLF.
    let end: Int

    /// The line that begins at `start`; nil when it is not whole and not wrong so far.
    @inline(__always)
    static func parse(_ bytes: Span<UInt8>, from start: Int) throws(HTTPError) -> FieldLine? {
        let count = bytes.count
        var position = bytes.firstNonToken(from: start)
        guard position < count else { return nil }
        guard bytes[position] == .colon, position > start else {
            throw bytes[start].isBlank ? .fieldFolded : .fieldMalformed
        }
        let name = ByteRange(start: start, count: position &- start)
        position &+= 1
        while position < count, bytes[position].isBlank { position &+= 1 }
        guard let lineEnd = try LineEnd.find(bytes, from: position, refusal: .fieldMalformed)
        else { return nil }
        var valueEnd = lineEnd
        while valueEnd > position, bytes[valueEnd &- 1].isBlank { valueEnd &-= 1 }
        return FieldLine(
            name: name, value: ByteRange(start: position, count: valueEnd &- position),
            end: lineEnd &+ 2)
    }
}

/// The end of a line: CR and LF together, and no other control byte before them but HTAB.
enum LineEnd {
    /// Position of the CR that ends the line, looking from `start`; nil when it has not come.
    @inline(__always)
    static func find(
        _ bytes: Span<UInt8>, from start: Int, refusal: HTTPError
    ) throws(HTTPError) -> Int? {
        let count = bytes.count
        var position = bytes.firstControl(from: start)
        while position < count, bytes[position] == .tab {
            position = bytes.firstControl(from: position &+ 1)
        }
        guard position < count else { return nil }
        guard bytes[position] == .carriageReturn else { throw refusal }
        guard position &+ 1 < count else { return nil }
        guard bytes[position &+ 1] == .lineFeed else { throw refusal }
        return position
    }
}

extension Span where Element == UInt8 {
    /// Position of the first byte at or after `start` that is no token character (RFC 9110
    /// §5.6.2), or `count`. Letters and hyphens, which is nearly all, go eight at a time.
    @inline(__always)
    func firstNonToken(from start: Int) -> Int {
        let table = CharacterClass()
        var position = start
        while position &+ 8 <= count {
            let bytes = word(at: position)
            // Each byte below 0x80, so that sums stay inside their byte.
            let low = (bytes | 0x2020_2020_2020_2020) & 0x7F7F_7F7F_7F7F_7F7F
            let fromA = low &+ 0x1F1F_1F1F_1F1F_1F1F
            let pastZ = low &+ 0x0505_0505_0505_0505
            let hyphens = (bytes & 0x7F7F_7F7F_7F7F_7F7F) ^ 0x2D2D_2D2D_2D2D_2D2D
            let others = hyphens &+ 0x7F7F_7F7F_7F7F_7F7F
            let good = ((fromA & ~pastZ) | ~others) & ~bytes & 0x8080_8080_8080_8080
            if good == 0x8080_8080_8080_8080 {
                position &+= 8
                continue
            }
            position &+= (~good & 0x8080_8080_8080_8080).trailingZeroBitCount / 8
            guard table.contains(self[position], CharacterClass.token) else { return position }
            position &+= 1
        }
        while position < count, table.contains(self[position], CharacterClass.token) {
            position &+= 1
        }
        return position
    }
}

extension UInt8 {
    @inline(__always) static var colon: UInt8 { 0x3A }
    @inline(__always) static var comma: UInt8 { 0x2C }
    @inline(__always) static var slash: UInt8 { 0x2F }
    @inline(__always) static var backslash: UInt8 { 0x5C }
    @inline(__always) static var percent: UInt8 { 0x25 }
    @inline(__always) static var question: UInt8 { 0x3F }
    @inline(__always) static var semicolon: UInt8 { 0x3B }
    @inline(__always) static var dot: UInt8 { 0x2E }
    @inline(__always) static var asterisk: UInt8 { 0x2A }

    /// SP or HTAB: what OWS is made of (RFC 9110 §5.6.3).
    @inline(__always) var isBlank: Bool { self == .space || self == .tab }
}
