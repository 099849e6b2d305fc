import Primitives

extension SealedBatch {
    /// Whether some record of the batch, or what stands between two, has these bytes.
    ///
    /// Quicker than taking the batch apart: what has them nowhere has them in no record.
    public func holds(_ needle: [UInt8]) -> Bool {
        guard !needle.isEmpty else { return true }
        let span = plain.span
        let anchor = SealedBatch.rarest(needle)
        var start = anchor
        while let place = span.firstIndex(of: needle[anchor], from: start) {
            let first = place - anchor
            guard first + needle.count <= span.count else { return false }
            var length = 0
            while length < needle.count, span[first + length] == needle[length] { length += 1 }
            if length == needle.count { return true }
            start = place + 1
        }
        return false
    }

    /// Place of a byte of `needle` that JSON, names and digits have seldom.
    private static func rarest(_ needle: [UInt8]) -> Int {
        func frequency(_ byte: UInt8) -> Int {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: ","): 4
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): 3
            case UInt8(ascii: "g")...UInt8(ascii: "z"), UInt8(ascii: "_"): 2
            default: 1
            }
        }
        return needle.indices.min { frequency(needle[$0]) < frequency(needle[$1]) } ?? 0
    }
}
