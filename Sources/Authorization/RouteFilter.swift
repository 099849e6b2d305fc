import Primitives

/// A cheap test that rules out nearly every route before its pattern is looked at.
///
/// A path's first four segments become 16 bits each, and a host 32 bits. A route says which of
/// those bits its literals fix. Equal bits prove nothing, so the pattern decides; unequal bits
/// prove that it cannot match. One look at the request then costs about a nanosecond a route.
struct RouteFilter: BitwiseCopyable {
    /// Which bits of a path's signature the route fixes, and to what.
    var mask: UInt64 = 0
    var value: UInt64 = 0
    /// The signature of the route's host; 0 when it has none or a wildcard.
    var host: UInt32 = 0

    /// Segments that take part in a signature.
    static let segments = 4

    @inline(__always)
    func passes(path: UInt64, host name: UInt32) -> Bool {
        path & mask == value && (host == 0 || host == name)
    }
}

extension RouteFilter {
    /// The filter of a route that answers for `path` on `host`.
    init(path: PathPattern, host pattern: HostPattern?) {
        for position in 0..<RouteFilter.segments {
            let bits: UInt16
            if position < path.segments.count {
                guard case .literal(let bytes) = path.segments[position] else {
                    if case .rest = path.segments[position] { break }
                    continue
                }
                bits = RouteFilter.segmentBits(bytes.span, 0, bytes.count)
            } else {
                // Past the last segment there is none, which has the bits 0.
                bits = 0
            }
            mask |= 0xFFFF << UInt64(position * 16)
            value |= UInt64(bits) << UInt64(position * 16)
        }
        if let pattern, !pattern.isWildcard {
            let bytes = Array(pattern.text.utf8)
            host = RouteFilter.hostBits(bytes.span)
        }
    }

    /// The signature of `path`: 16 bits per segment, 0 for those that it does not have.
    static func pathBits(_ path: Span<UInt8>) -> UInt64 {
        guard path.count > 0, path[0] == UInt8(ascii: "/") else { return 0 }
        var bits: UInt64 = 0
        var offset = 1
        var position: UInt64 = 0
        while position < UInt64(segments) {
            let end = path.firstIndex(of: UInt8(ascii: "/"), from: offset) ?? path.count
            bits |= UInt64(segmentBits(path, offset, end)) << (position &* 16)
            guard end < path.count else { break }
            offset = end &+ 1
            position &+= 1
        }
        return bits
    }

    /// The signature of a host without its port; letter case makes no difference.
    static func hostBits(_ name: Span<UInt8>) -> UInt32 {
        // Setting one bit of each byte folds the letters' case, and is cheap.
        let fold: UInt64 = 0x2020_2020_2020_2020
        var hash = UInt64(name.count)
        var offset = 0
        while offset < name.count {
            hash = (hash ^ (word(name, offset, name.count) | fold)) &* multiplier
            hash ^= hash >> 29
            offset &+= 8
        }
        return UInt32(truncatingIfNeeded: hash >> 32) | 1
    }

    /// Bits of the bytes from `start` to `end`: its first eight, last eight and count; never 0.
    @inline(__always)
    private static func segmentBits(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt16 {
        let first = word(bytes, start, end)
        let last = word(bytes, max(start, end &- 8), end)
        let hash = (first ^ (last &* multiplier) ^ UInt64(end &- start)) &* multiplier
        return UInt16(truncatingIfNeeded: hash >> 48) | 1
    }

    /// Up to eight bytes from `start`, as a little-endian word; zeros from `end` on.
    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt64 {
        let count = min(end &- start, 8)
        guard count > 0 else { return 0 }
        let keep = UInt64.max >> UInt64((8 &- count) &* 8)
        if start &+ 8 <= bytes.count { return bytes.word(at: start) & keep }
        if bytes.count >= 8 {
            let back = start &+ 8 &- bytes.count
            return (bytes.word(at: bytes.count &- 8) >> UInt64(back &* 8)) & keep
        }
        var word: UInt64 = 0
        for offset in 0..<count { word |= UInt64(bytes[start &+ offset]) << UInt64(offset &* 8) }
        return word
    }

    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
}
