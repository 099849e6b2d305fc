import Primitives

/// What a connection remembers of a head that is not whole, so that a client that sends it byte
/// by byte costs work in proportion to its bytes, and is refused at the first line that is wrong.
enum HeadScan {
    /// Whether parsing the head from its start can tell more than it did last time.
    ///
    /// It can when the head is whole, wrong or too long. New lines are looked at once each.
    static func isDue(
        _ bytes: Span<UInt8>, scanned: inout Int, limits: HTTPLimits
    ) -> Bool {
        let count = bytes.count
        guard scanned > 0, scanned <= count else { return true }
        if count >= limits.headBytes { return true }
        if scanned < limits.requestLineBytes, count >= limits.requestLineBytes,
            bytes.extracting(first: limits.requestLineBytes).firstIndex(of: .lineFeed, from: 0)
                == nil
        {
            return true
        }
        var position = scanned
        while true {
            position = bytes.firstControl(from: position)
            guard position < count else { break }
            if bytes[position] == .tab {
                position &+= 1
                continue
            }
            guard bytes[position] == .carriageReturn else { return true }
            guard position &+ 1 < count else { break }
            guard isGoodLine(bytes, endingAt: position) else { return true }
            position &+= 2
        }
        scanned = position
        return false
    }

    /// How far an unfinished head was looked at: a CR at its end is looked at again.
    static func progress(_ bytes: Span<UInt8>) -> Int {
        let count = bytes.count
        return count > 0 && bytes[count &- 1] == .carriageReturn ? count &- 1 : count
    }

    /// Whether the line that ends with the CR at `end` is a field line; the start line is not.
    private static func isGoodLine(_ bytes: Span<UInt8>, endingAt end: Int) -> Bool {
        var start = end
        while start > 0, bytes[start &- 1] != .lineFeed { start &-= 1 }
        let isStartLine = start == 0 || (start == 2 && bytes.startsWithEmptyLine)
        guard !isStartLine, start < end else { return false }
        do throws(HTTPError) {
            return try FieldLine.parse(bytes, from: start)?.end == end &+ 2
        } catch {
            return false
        }
    }
}
