extension Digest256 {
    /// The 32 bytes, in order, without an allocation.
    public var inlineBytes: InlineArray<32, UInt8> {
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        for offset in 0..<8 {
            let shift = UInt64(56 &- offset &* 8)
            bytes[offset] = UInt8(truncatingIfNeeded: words.0 >> shift)
            bytes[offset &+ 8] = UInt8(truncatingIfNeeded: words.1 >> shift)
            bytes[offset &+ 16] = UInt8(truncatingIfNeeded: words.2 >> shift)
            bytes[offset &+ 24] = UInt8(truncatingIfNeeded: words.3 >> shift)
        }
        return bytes
    }
}
