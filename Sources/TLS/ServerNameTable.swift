import Primitives

/// Which certificate is for which server name: exact names before wildcards of one label.
///
/// Names are compared without regard to ASCII case, and with one dot at the end or without it.
/// `*.example.com` is for every name with exactly one label before `.example.com` (RFC 9525
/// §6.3); a star anywhere else is for nothing. What is no host name is never found, an address
/// literal included (RFC 6066 §3). A look-up allocates nothing.
public struct ServerNameTable: Sendable {
    private struct Entry {
        /// Where the name lies in `bytes`, without the star of a wildcard.
        var start: Int
        var count: Int
        var isWildcard: Bool
        var context: Int
    }

    /// All names, in lower case.
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// Places in `entries` plus one, by hash; 0 where none is. A power of two, at most half full.
    private var slots: [UInt32]

    /// The table of `names`, each with the number of its context; of two that are equal, the
    /// first counts, and what is neither a host name nor a wildcard of one is left out.
    public init(_ names: [(name: String, context: Int)]) {
        var slotCount = 4
        while slotCount < names.count * 2 { slotCount *= 2 }
        slots = Array(repeating: 0, count: slotCount)
        for (name, context) in names { add(Array(name.utf8), context) }
    }

    /// Whether no name is known.
    public var isEmpty: Bool { entries.isEmpty }

    /// The context for `name`, as a client sent it; nil when none is for it.
    public func find(_ name: Span<UInt8>) -> Int? {
        let name = name.withoutLastDot
        guard name.isHostName else { return nil }
        if let entry = entry(name, isWildcard: false) { return entries[entry].context }
        guard let dot = name.firstIndex(of: 0x2E, from: 0) else { return nil }
        let parent = name.extracting((dot + 1)...)
        guard let entry = entry(parent, isWildcard: true) else { return nil }
        return entries[entry].context
    }

    private mutating func add(_ text: [UInt8], _ context: Int) {
        let all = text.span
        var name = all.withoutLastDot
        let isWildcard = name.count > 2 && name[0] == 0x2A && name[1] == 0x2E
        if isWildcard { name = name.extracting(droppingFirst: 2) }
        guard name.isHostName, entry(name, isWildcard: isWildcard) == nil else { return }
        let start = bytes.count
        for offset in 0..<name.count { bytes.append(name[offset].asciiLowercased) }
        var slot = home(name, isWildcard: isWildcard)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        entries.append(
            Entry(start: start, count: name.count, isWildcard: isWildcard, context: context))
        slots[slot] = UInt32(truncatingIfNeeded: entries.count)
    }

    private func entry(_ name: Span<UInt8>, isWildcard: Bool) -> Int? {
        var slot = home(name, isWildcard: isWildcard)
        while slots[slot] != 0 {
            let place = Int(slots[slot]) - 1
            if entries[place].isWildcard == isWildcard, equals(entries[place], name) {
                return place
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func equals(_ entry: Entry, _ name: Span<UInt8>) -> Bool {
        guard entry.count == name.count else { return false }
        for offset in 0..<name.count
        where bytes[entry.start + offset] != name[offset].asciiLowercased { return false }
        return true
    }

    /// FNV-1a. Names come from the settings, so that nobody can crowd a place of the table.
    private func home(_ name: Span<UInt8>, isWildcard: Bool) -> Int {
        var hash: UInt64 = isWildcard ? 0x6C62_272E_07BB_0142 : 0xCBF2_9CE4_8422_2325
        for offset in 0..<name.count {
            hash = (hash ^ UInt64(name[offset].asciiLowercased)) &* 0x0000_0100_0000_01B3
        }
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & (slots.count - 1)
    }
}

extension Span where Element == UInt8 {
    /// These bytes without one dot at their end, which says that a name is complete.
    var withoutLastDot: Span<UInt8> {
        @_lifetime(copy self)
        get { count > 1 && self[count - 1] == 0x2E ? extracting(droppingLast: 1) : self }
    }

    /// Whether this is a host name: labels of at most 63 letters, digits, hyphens (not at a
    /// label's ends) and underscores, at most 253 bytes, and no address (RFC 1123 §2.1).
    public var isHostName: Bool {
        guard count > 0, count <= 253 else { return false }
        var labelBytes = 0
        var hasOnlyDigits = true
        var last: UInt8 = 0x2E
        for offset in 0..<count {
            let byte = self[offset]
            switch byte {
            case 0x2E:
                guard labelBytes > 0, last != 0x2D else { return false }
                labelBytes = 0
                hasOnlyDigits = true
            case 0x2D:
                guard labelBytes > 0 else { return false }
                labelBytes += 1
                hasOnlyDigits = false
            case 0x30...0x39:
                labelBytes += 1
            case 0x41...0x5A, 0x61...0x7A, 0x5F:
                labelBytes += 1
                hasOnlyDigits = false
            default: return false
            }
            guard labelBytes <= 63 else { return false }
            last = byte
        }
        // A last label of digits alone is an address's (RFC 3696 §2).
        return labelBytes > 0 && last != 0x2D && !hasOnlyDigits
    }
}
