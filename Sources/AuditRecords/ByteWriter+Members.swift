import Primitives

// Every member ends in a comma; the one before a closing brace is taken back.
extension ByteWriter {
    /// Closes the object that a `{` opened.
    @inline(__always)
    mutating func closeObject(_ close: StaticString) {
        dropComma()
        append(close)
    }

    @inline(__always)
    mutating func dropComma() {
        let end = count &- 1
        if !overflowed, end >= 0, span[end] == UInt8(ascii: ",") { truncate(to: end) }
    }

    /// Appends a member's name with its punctuation, the number and a comma.
    @inline(__always)
    mutating func appendMember(_ name: StaticString, _ number: UInt64) {
        append(name)
        appendDecimal(magnitude: min(number, UInt64(CanonicalValue.largestInteger)))
        append(UInt8(ascii: ","))
    }
}
