extension ByteWriter {
    /// Appends an address as text: dotted decimal when it is IPv4-mapped, else the canonical
    /// form of RFC 5952 (lower case, the longest run of two or more zero groups as `::`).
    public mutating func appendIPAddress(_ address: Identifier128) {
        if address.high == 0, address.low >> 32 == 0xFFFF {
            for shift: UInt64 in [24, 16, 8, 0] {
                appendDecimal(magnitude: address.low >> shift & 0xFF)
                if shift > 0 { append(UInt8(ascii: ".")) }
            }
            return
        }
        let gap = ByteWriter.longestZeroRun(address)
        var group = 0
        while group < 8 {
            if group == gap.start {
                append("::")
                group += gap.count
                continue
            }
            let value = ByteWriter.group(address, group)
            let digits = value < 0x10 ? 1 : value < 0x100 ? 2 : value < 0x1000 ? 3 : 4
            appendHex(value, digits: digits)
            group += 1
            if group < 8, group != gap.start { append(UInt8(ascii: ":")) }
        }
    }

    private static func group(_ address: Identifier128, _ index: Int) -> UInt64 {
        let word = index < 4 ? address.high : address.low
        return word >> UInt64((3 - index & 3) * 16) & 0xFFFF
    }

    /// The first of the longest runs of two or more zero groups; it starts at 8 when there is none.
    private static func longestZeroRun(_ address: Identifier128) -> (start: Int, count: Int) {
        var best = (start: 8, count: 1)
        var start = 0
        for index in 0...8 {
            if index < 8, group(address, index) == 0 { continue }
            if index - start > best.count { best = (start, index - start) }
            start = index + 1
        }
        return best
    }
}
