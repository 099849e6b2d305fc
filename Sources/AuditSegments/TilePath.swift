/// Where a tile lies under `tlog/` (C2SP tlog-tiles).
///
/// `tile/<level>/<index>[.p/<width>]`, entries at level `entries`. The index is written in groups
/// of three digits, all but the last with an `x` before them: 1234067 is `x001/x234/067`.
public struct TilePath: Equatable, Hashable, Sendable {
    /// The level of hash tiles; nil for a bundle of entries.
    public let level: Int?
    /// Number of the tile in its level.
    public let index: UInt64
    /// Hashes or entries in it, 1 to 256.
    public let width: Int

    /// The tile of this level, index and width.
    public init(level: Int?, index: UInt64, width: Int) {
        precondition(width > 0 && width <= HashTree.tileWidth)
        self.level = level
        self.index = index
        self.width = width
    }

    /// The path, from `tile/` on.
    public var text: String {
        isWhole ? base : "\(partialFolder)/\(width)"
    }

    /// The folder that the partial versions of this tile are in.
    public var partialFolder: String { base + ".p" }

    /// Whether the tile has all its hashes or entries.
    public var isWhole: Bool { width == HashTree.tileWidth }

    private var base: String {
        let kind = level.map { String($0) } ?? "entries"
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1000)
            let padded = String(repeating: "0", count: 3 - digits.count) + digits
            groups.insert(groups.isEmpty ? padded : "x" + padded, at: 0)
            rest /= 1000
        } while rest > 0
        return "tile/\(kind)/\(groups.joined(separator: "/"))"
    }

    /// The tile that `text` names; nil when it is not a path in its one right form.
    public init?(_ text: String) {
        var pieces = text.split(separator: "/", omittingEmptySubsequences: false)
        guard pieces.count >= 3, pieces[0] == "tile" else { return nil }
        let kind = pieces[1]
        pieces.removeFirst(2)
        var width = HashTree.tileWidth
        if pieces.count >= 2, pieces[pieces.count - 2].hasSuffix(".p") {
            guard let last = pieces.popLast(), let part = Int(last), part > 0,
                part < HashTree.tileWidth, let name = pieces.popLast()
            else { return nil }
            width = part
            pieces.append(name.dropLast(2))
        }
        var index: UInt64 = 0
        for (position, piece) in pieces.enumerated() {
            let isLast = position == pieces.count - 1
            let digits = isLast ? piece : piece.dropFirst()
            guard isLast || piece.first == "x", digits.count == 3, let group = UInt64(digits)
            else { return nil }
            let (product, overflow) = index.multipliedReportingOverflow(by: 1000)
            guard !overflow, product <= UInt64.max - group else { return nil }
            index = product + group
        }
        if kind == "entries" {
            self.init(level: nil, index: index, width: width)
        } else {
            guard let level = Int(kind), level >= 0, level < 8 else { return nil }
            self.init(level: level, index: index, width: width)
        }
        // One tile has one name: no leading groups of zeros, no sign, no padding.
        guard self.text == text else { return nil }
    }
}
