import Primitives

/// Where proofs take the hashes of a tree from: its tiles.
///
/// A tile is answered as its bytes; one wider than asked for is as good.
public typealias TileSource = (TilePath) -> [UInt8]?

/// That an entry is in a tree, or that a tree is the beginning of another (RFC 9162 §2.1.3, §2.1.4).
public enum TreeProof {
    /// The hashes from the leaf `index` up to the root of the tree of `size` leaves.
    public static func inclusion(
        index: UInt64, size: UInt64, tiles: TileSource, hasher: inout TreeHasher
    ) throws(EvidenceError) -> [Digest256] {
        guard index < size else { throw .indexOutOfRange }
        var hashes: [Digest256] = []
        var low: UInt64 = 0
        var high = size
        // From the root down to the leaf, noting the other side; the proof goes up.
        while high - low > 1 {
            let middle = low + split(high - low)
            if index < middle {
                hashes.append(try subtree(middle, high, tiles, size, &hasher))
                high = middle
            } else {
                hashes.append(try subtree(low, middle, tiles, size, &hasher))
                low = middle
            }
        }
        return hashes.reversed()
    }

    /// The hashes that show that the tree of `first` leaves begins the one of `second`.
    public static func consistency(
        first: UInt64, second: UInt64, tiles: TileSource, hasher: inout TreeHasher
    ) throws(EvidenceError) -> [Digest256] {
        guard first > 0, first <= second else { throw .indexOutOfRange }
        var hashes: [Digest256] = []
        var low: UInt64 = 0
        var high = second
        var isWhole = true
        while first != high {
            let middle = low + split(high - low)
            if first <= middle {
                hashes.append(try subtree(middle, high, tiles, second, &hasher))
                high = middle
            } else {
                hashes.append(try subtree(low, middle, tiles, second, &hasher))
                low = middle
                isWhole = false
            }
        }
        if !isWhole { hashes.append(try subtree(low, high, tiles, second, &hasher)) }
        return hashes.reversed()
    }

    /// The root of the tree of `size` leaves.
    public static func root(
        size: UInt64, tiles: TileSource, hasher: inout TreeHasher
    ) throws(EvidenceError) -> Digest256 {
        guard size > 0 else { return hasher.emptyRoot() }
        return try subtree(0, size, tiles, size, &hasher)
    }

    /// Makes sure that `leaf` is the leaf `index` of the tree of `size` leaves under `root`.
    public static func verifyInclusion(
        leaf: Digest256, index: UInt64, size: UInt64, proof: [Digest256], root: Digest256,
        hasher: inout TreeHasher
    ) throws(EvidenceError) {
        guard index < size else { throw .indexOutOfRange }
        var position = index
        var last = size - 1
        var hash = leaf
        for sibling in proof {
            guard last > 0 else { throw .proofFails }
            if position & 1 == 1 || position == last {
                hash = hasher.node(sibling, hash)
                while position & 1 == 0, position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                hash = hasher.node(hash, sibling)
            }
            position >>= 1
            last >>= 1
        }
        guard last == 0, hash == root else { throw .proofFails }
    }

    /// Makes sure that the tree of `first` leaves under `firstRoot` begins the one of `second`
    /// leaves under `secondRoot`.
    public static func verifyConsistency(
        first: UInt64, firstRoot: Digest256, second: UInt64, secondRoot: Digest256,
        proof: [Digest256], hasher: inout TreeHasher
    ) throws(EvidenceError) {
        guard first > 0, first <= second else { throw .indexOutOfRange }
        if first == second {
            guard proof.isEmpty, firstRoot == secondRoot else { throw .proofFails }
            return
        }
        var hashes = proof[...]
        var position = first - 1
        var last = second - 1
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        var old = firstRoot
        if first & (first - 1) != 0 {
            guard let start = hashes.popFirst() else { throw .proofFails }
            old = start
        }
        var new = old
        for sibling in hashes {
            guard last > 0 else { throw .proofFails }
            if position & 1 == 1 || position == last {
                old = hasher.node(sibling, old)
                new = hasher.node(sibling, new)
                while position & 1 == 0, position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                new = hasher.node(new, sibling)
            }
            position >>= 1
            last >>= 1
        }
        guard last == 0, old == firstRoot, new == secondRoot else { throw .proofFails }
    }

    /// The largest power of two below `count`, which is 2 at least.
    private static func split(_ count: UInt64) -> UInt64 {
        1 << UInt64(63 - (count - 1).leadingZeroBitCount)
    }

    /// The hash over the leaves from `low` up to `high`, from the tiles of the tree of `size`.
    private static func subtree(
        _ low: UInt64, _ high: UInt64, _ tiles: TileSource, _ size: UInt64,
        _ hasher: inout TreeHasher
    ) throws(EvidenceError) -> Digest256 {
        let count = high - low
        if count & (count - 1) == 0 {
            return try perfect(
                height: count.trailingZeroBitCount, number: low / count, tiles, size, &hasher)
        }
        let middle = low + split(count)
        let left = try subtree(low, middle, tiles, size, &hasher)
        let right = try subtree(middle, high, tiles, size, &hasher)
        return hasher.node(left, right)
    }

    /// The hash of the perfect subtree `number` of 2^`height` leaves.
    static func perfect(
        height: Int, number: UInt64, _ tiles: TileSource, _ size: UInt64,
        _ hasher: inout TreeHasher
    ) throws(EvidenceError) -> Digest256 {
        let level = height / HashTree.tileHeight
        let span = 1 << (height % HashTree.tileHeight)
        let width = UInt64(HashTree.tileWidth)
        let first = number * UInt64(span)
        let index = first / width
        let there = (size >> UInt64(level * HashTree.tileHeight)) - index * width
        let path = TilePath(level: level, index: index, width: Int(min(there, width)))
        guard let tile = tiles(path), tile.count >= path.width * Digest256.byteCount else {
            throw .tileMissing(level: level, index: index)
        }
        let start = Int(first % width)
        var hashes: [Digest256] = []
        for position in start..<start + span {
            let offset = position * Digest256.byteCount
            guard
                let hash = Digest256(
                    tile.span.extracting(offset..<offset + Digest256.byteCount))
            else { throw .tileMissing(level: level, index: index) }
            hashes.append(hash)
        }
        while hashes.count > 1 {
            hashes = stride(from: 0, to: hashes.count, by: 2).map {
                hasher.node(hashes[$0], hashes[$0 + 1])
            }
        }
        return hashes[0]
    }
}
