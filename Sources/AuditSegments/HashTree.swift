import Primitives

/// A Merkle tree that grows at its right edge (RFC 9162 §2.1), kept as tiles (C2SP tlog-tiles).
///
/// In memory are the peaks, from which the root follows, and the hashes of each level of tiles
/// from the last `forget` on. A tile is 256 hashes; level L holds the hashes of subtrees of 256^L
/// leaves.
public struct HashTree: ~Copyable, Sendable {
    /// Leaves in the tree.
    public private(set) var size: UInt64 = 0
    /// `peaks[h]`: the hash of the perfect subtree of 2^h leaves, where bit h of the size is set.
    private var peaks = [Digest256](repeating: .zero, count: 64)
    private var levels: [TileLevel] = []

    /// Hashes in a whole tile.
    public static let tileWidth = 256
    /// Binary levels in a tile.
    public static let tileHeight = 8

    /// The hashes of one level of tiles that are in memory.
    struct TileLevel {
        /// Number of the first hash in memory, a multiple of the tile's width.
        var first: UInt64 = 0
        var hashes: [Digest256] = []

        /// A level without a hash.
        init() {}

        /// The hashes of the last tile of a level of the tree of `size` leaves, if it is not whole.
        init(number level: Int, size: UInt64, tiles: TileSource) throws(EvidenceError) {
            let width = UInt64(HashTree.tileWidth)
            let count = size >> UInt64(level * HashTree.tileHeight)
            let partial = Int(count % width)
            first = count - UInt64(partial)
            guard partial > 0 else { return }
            let path = TilePath(level: level, index: first / width, width: partial)
            guard let tile = tiles(path), tile.count >= partial * Digest256.byteCount else {
                throw .tileMissing(level: level, index: path.index)
            }
            for place in 0..<partial {
                let start = place * Digest256.byteCount
                let range = start..<start + Digest256.byteCount
                guard let hash = Digest256(tile.span.extracting(range)) else {
                    throw .tileMissing(level: level, index: path.index)
                }
                hashes.append(hash)
            }
        }
    }

    /// The tree of no leaves.
    public init() {}

    /// The tree of the first `size` leaves, by what its tiles say.
    ///
    /// The tiles are believed: a signed root over this tree, or a later one, shows them right.
    public init(
        size: UInt64, tiles: TileSource, hasher: inout TreeHasher
    ) throws(EvidenceError) {
        var level = 0
        while level * HashTree.tileHeight < 64, size >> UInt64(level * HashTree.tileHeight) > 0 {
            levels.append(try TileLevel(number: level, size: size, tiles: tiles))
            level += 1
        }
        for height in 0..<64 where size >> UInt64(height) & 1 == 1 {
            let number = (size >> UInt64(height)) - 1
            peaks[height] = try TreeProof.perfect(
                height: height, number: number, tiles, size, &hasher)
        }
        self.size = size
    }

    /// Adds the leaf with this hash.
    public mutating func append(_ leaf: Digest256, _ hasher: inout TreeHasher) {
        var hash = leaf
        var height = 0
        keep(hash, level: 0)
        while size >> UInt64(height) & 1 == 1 {
            hash = hasher.node(peaks[height], hash)
            height += 1
            if height % HashTree.tileHeight == 0 { keep(hash, level: height / HashTree.tileHeight) }
        }
        peaks[height] = hash
        size += 1
    }

    /// The tree's hash.
    public func root(_ hasher: inout TreeHasher) -> Digest256 {
        guard size > 0 else { return hasher.emptyRoot() }
        var height = size.trailingZeroBitCount
        var hash = peaks[height]
        height += 1
        while height < 64, size >> UInt64(height) > 0 {
            if size >> UInt64(height) & 1 == 1 { hash = hasher.node(peaks[height], hash) }
            height += 1
        }
        return hash
    }

    /// Levels of tiles that hold a hash.
    public var levelCount: Int { levels.count }

    /// Hashes of `level` that the tree has, in memory or not.
    public func hashCount(level: Int) -> UInt64 {
        size >> UInt64(level * HashTree.tileHeight)
    }

    /// The bytes of the first `width` hashes of the tile `index` of `level`; nil when they are not
    /// in memory.
    public func tile(level: Int, index: UInt64, width: Int) -> [UInt8]? {
        guard level < levels.count, width > 0 else { return nil }
        let start = index * UInt64(HashTree.tileWidth)
        let first = levels[level].first
        guard start >= first, start + UInt64(width) <= hashCount(level: level) else { return nil }
        let offset = Int(start - first)
        var buffer = ByteBuffer(capacity: width * Digest256.byteCount)
        buffer.write { writer in
            for place in offset..<offset + width { writer.append(levels[level].hashes[place]) }
        }
        return buffer.bytes
    }

    /// Drops from memory the whole tiles of the tree of `size` leaves: they are stored elsewhere.
    public mutating func forget(upTo size: UInt64) {
        precondition(size <= self.size)
        for level in levels.indices {
            let stored = size >> UInt64(level * HashTree.tileHeight)
            let first = stored / UInt64(HashTree.tileWidth) * UInt64(HashTree.tileWidth)
            let dropped = Int(first - min(first, levels[level].first))
            guard dropped > 0 else { continue }
            levels[level].hashes.removeFirst(dropped)
            levels[level].first = first
        }
    }

    private mutating func keep(_ hash: Digest256, level: Int) {
        if level == levels.count { levels.append(TileLevel()) }
        levels[level].hashes.append(hash)
    }
}

extension Digest256 {
    /// The 32 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    func append(to bytes: inout [UInt8]) {
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
    }
}
