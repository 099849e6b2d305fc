// Addresses as text and back, without allocation: RFC 4291 §2.2 and RFC 5952 for IPv6.

extension Identifier128 {
    /// Parses an IPv4 or IPv6 address literal without brackets, port or zone.
    ///
    /// IPv4 becomes IPv4-mapped. Nil when `text` is anything else. Leading zeros in an IPv4 part
    /// are refused: peers disagree about whether they mean octal.
    public init?(addressText text: Span<UInt8>) {
        if let four = Identifier128.ipv4(text, from: 0) {
            self = PeerAddress(ipv4: four, port: 0).address
            return
        }
        guard let six = Identifier128.ipv6(text) else { return nil }
        self = six
    }

    private static func ipv4(_ text: Span<UInt8>, from start: Int) -> UInt32? {
        var value: UInt32 = 0
        var offset = start
        for part in 0..<4 {
            if part > 0 {
                guard offset < text.count, text[offset] == 0x2E else { return nil }
                offset += 1
            }
            let first = offset
            var number: UInt32 = 0
            while offset < text.count, text[offset].isASCIIDigit, offset - first < 3 {
                number = number * 10 + UInt32(text[offset] - 0x30)
                offset += 1
            }
            let digits = offset - first
            guard digits > 0, number < 256, digits == 1 || text[first] != 0x30 else { return nil }
            value = value << 8 | number
        }
        return offset == text.count ? value : nil
    }

    private static func ipv6(_ text: Span<UInt8>) -> Identifier128? {
        var before = Identifier128.zero
        var groups = 0
        var groupsAtGap = -1
        var offset = 0
        if text.count >= 2, text[0] == 0x3A {
            guard text[1] == 0x3A else { return nil }
            groupsAtGap = 0
            offset = 2
        }
        while offset < text.count {
            guard groups < 8 else { return nil }
            if groups <= 6, let four = ipv4(text, from: offset) {
                before = before.shiftedLeft16(appending: UInt64(four >> 16))
                before = before.shiftedLeft16(appending: UInt64(four & 0xFFFF))
                groups += 2
                offset = text.count
                break
            }
            let first = offset
            var group: UInt64 = 0
            while offset < text.count, offset - first < 4, let digit = text[offset].hexValue {
                group = group << 4 | UInt64(digit)
                offset += 1
            }
            guard offset > first else { return nil }
            before = before.shiftedLeft16(appending: group)
            groups += 1
            guard offset < text.count else { break }
            guard text[offset] == 0x3A, offset + 1 < text.count else { return nil }
            offset += 1
            if text[offset] == 0x3A {
                guard groupsAtGap < 0 else { return nil }
                groupsAtGap = groups
                offset += 1
            }
        }
        guard groupsAtGap >= 0 else { return groups == 8 ? before : nil }
        guard groups < 8 else { return nil }
        return before.opened(after: groupsAtGap, of: groups)
    }

    private func shiftedLeft16(appending group: UInt64) -> Identifier128 {
        Identifier128(high: high << 16 | low >> 48, low: low << 16 | group)
    }

    /// Moves the first `kept` of `groups` 16-bit groups to the front, zeros between.
    private func opened(after kept: Int, of groups: Int) -> Identifier128 {
        var result = Identifier128.zero
        for position in 0..<8 {
            let source: Int
            if position < kept {
                source = 8 - groups + position
            } else if position >= 8 - (groups - kept) {
                source = position
            } else {
                result = result.shiftedLeft16(appending: 0)
                continue
            }
            result = result.shiftedLeft16(appending: group(source))
        }
        return result
    }

    /// The `position`th 16-bit group, 0 the most significant.
    func group(_ position: Int) -> UInt64 {
        let word = position < 4 ? high : low
        return word >> UInt64((3 - position & 3) * 16) & 0xFFFF
    }
}

extension ByteWriter {
    /// Appends the address of `peer` without its port: dotted IPv4, or IPv6 as RFC 5952 writes it.
    public mutating func appendAddress(_ peer: PeerAddress) {
        if peer.isIPv4 {
            let value = UInt32(truncatingIfNeeded: peer.address.low)
            appendDecimal(magnitude: UInt64(value >> 24))
            append(0x2E)
            appendDecimal(magnitude: UInt64(value >> 16 & 255))
            append(0x2E)
            appendDecimal(magnitude: UInt64(value >> 8 & 255))
            append(0x2E)
            appendDecimal(magnitude: UInt64(value & 255))
            return
        }
        let (gap, length) = longestZeroRun(peer.address)
        var position = 0
        while position < 8 {
            if position == gap {
                append("::")
                position += length
                continue
            }
            if position > 0, position != gap + length || gap < 0 { append(0x3A) }
            let group = peer.address.group(position)
            appendHex(group, digits: max(1, (19 - (group << 48).leadingZeroBitCount) / 4))
            position += 1
        }
    }

    /// Where the longest run of at least two zero groups is (-1: nowhere), and its length.
    private func longestZeroRun(_ address: Identifier128) -> (start: Int, length: Int) {
        var best = (start: -1, length: 1)
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, address.group(end) == 0 { end += 1 }
            if end - start > best.length { best = (start, end - start) }
            start = max(end, start + 1)
        }
        return best.start < 0 ? (-1, 0) : best
    }
}
