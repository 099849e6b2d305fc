import Primitives

/// Names of a query's parameters: what a record says of a query, never its values.
public enum QueryKeys {
    /// Longest name that is written.
    ///
    /// `?eyJhbGciOi…` is a parameter without a value to a parser and a credential to its owner;
    /// nobody names a parameter that long.
    public static let nameBytes = 64
}

extension ByteWriter {
    /// Appends the names in `query` (without its `?`) as they were sent, joined by `&`.
    ///
    /// A name past `QueryKeys.nameBytes` becomes `*`. Needs at most `query.count` bytes.
    public mutating func appendQueryKeys(_ query: Span<UInt8>) {
        var start = 0
        var isFirst = true
        while start < query.count {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.count
            if end > start {
                let pair = query.extracting(start..<end)
                let name = pair.firstIndex(of: UInt8(ascii: "="), from: 0) ?? pair.count
                if !isFirst { append(UInt8(ascii: "&")) }
                isFirst = false
                if name > QueryKeys.nameBytes {
                    append(UInt8(ascii: "*"))
                } else {
                    append(pair.extracting(0..<name))
                }
            }
            start = end &+ 1
        }
    }
}
