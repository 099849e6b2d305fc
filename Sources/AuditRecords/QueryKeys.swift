import Primitives

/// Names of a query's parameters: what a record says of a query, never its values.
public enum QueryKeys {
    /// Longest name that is written.
    ///
    /// `?eyJhbGciOi…` is a parameter without a value to a parser and a credential to its owner;
    /// nobody names a parameter that long.
    public static let nameBytes = 64
    /// Longest name that is written of a parameter without a value: `?AKIA…` is a key, too.
    public static let bareNameBytes = 16
}

extension ByteWriter {
    /// Appends the names in `query` (without its `?`) as they were sent, joined by `&`.
    ///
    /// A name that is too long to be one becomes `*`; one with an escaped `=` in it ends there,
    /// because what follows is a value to whoever decodes before splitting. Needs at most `query.count` bytes.
    public mutating func appendQueryKeys(_ query: Span<UInt8>) {
        var start = 0
        var isFirst = true
        while start < query.count {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.count
            if end > start {
                let pair = query.extracting(start..<end)
                let equals = pair.firstIndex(of: UInt8(ascii: "="), from: 0)
                let limit = equals == nil ? QueryKeys.bareNameBytes : QueryKeys.nameBytes
                let name = pair.nameCount(upTo: equals ?? pair.count)
                if !isFirst { append(UInt8(ascii: "&")) }
                isFirst = false
                if name > limit {
                    append(UInt8(ascii: "*"))
                } else {
                    append(pair.extracting(0..<name))
                }
            }
            start = end &+ 1
        }
    }
}

extension Span where Element == UInt8 {
    /// Bytes of a parameter's name that ends at `end` at the latest, or before `%3D`.
    fileprivate func nameCount(upTo end: Int) -> Int {
        var start = 0
        while let percent = firstIndex(of: UInt8(ascii: "%"), from: start), percent &+ 2 < end {
            if self[percent &+ 1] == UInt8(ascii: "3"), self[percent &+ 2] | 0x20 == 0x64 {
                return percent
            }
            start = percent &+ 1
        }
        return end
    }
}
