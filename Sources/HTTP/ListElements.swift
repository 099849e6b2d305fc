import Primitives

/// Walks a comma-separated list (RFC 9110 §5.6.1): empty elements are skipped, white space
/// around elements is not part of them. Quoted strings are not known to it.
struct ListElements {
    private var position = 0

    init() {}

    /// The next element of `list`, which is the same at each call; nil after the last.
    mutating func next(in list: Span<UInt8>) -> ByteRange? {
        while position < list.count {
            let end = list.firstIndex(of: .comma, from: position) ?? list.count
            var start = position
            var last = end
            position = end &+ 1
            while start < last, list[start].isBlank { start &+= 1 }
            while last > start, list[last &- 1].isBlank { last &-= 1 }
            if last > start { return ByteRange(start: start, count: last &- start) }
        }
        return nil
    }
}
