import Primitives

/// A log's tree and the entries under it, as far as they are not stored as tiles yet.
public struct LogTree: ~Copyable, Sendable {
    /// The tree over the entries.
    public private(set) var hashes = HashTree()
    /// Index of the first entry in memory, a multiple of a tile's width.
    private var firstEntry: UInt64 = 0
    private var entries: [UInt8] = []

    /// The log of no entries.
    public init() {}

    /// The log of the first `size` entries, by what its tiles say.
    ///
    /// - Throws: `tileMissing` when one is missing or is not what the one above it commits to.
    public init(
        size: UInt64, tiles: TileSource, hasher: inout TreeHasher
    ) throws(EvidenceError) {
        let width = UInt64(HashTree.tileWidth)
        let partial = Int(size % width)
        let first = size - UInt64(partial)
        var last: [UInt8] = []
        if partial > 0 {
            let path = TilePath(level: nil, index: first / width, width: partial)
            let unit = 2 + TreeHasher.entryBytes
            guard let bundle = tiles(path), bundle.count >= partial * unit,
                let hashed = tiles(TilePath(level: 0, index: path.index, width: partial)),
                hashed.count >= partial * Digest256.byteCount
            else { throw .tileMissing(level: 0, index: path.index) }
            for place in 0..<partial {
                let entry = Array(bundle[place * unit + 2..<(place + 1) * unit])
                let start = place * Digest256.byteCount
                let hash = Array(hashed[start..<start + Digest256.byteCount])
                guard hasher.leaf(entry.span).bytes == hash else {
                    throw .tileMissing(level: 0, index: path.index)
                }
                last += entry
            }
        }
        hashes = try HashTree(size: size, tiles: tiles, hasher: &hasher)
        firstEntry = first
        entries = last
    }

    /// Entries in the log.
    public var size: UInt64 { hashes.size }

    /// Adds an entry of 36 bytes.
    public mutating func append(_ entry: Span<UInt8>, _ hasher: inout TreeHasher) {
        append(entry, leaf: hasher.leaf(entry), &hasher)
    }

    /// Adds an entry whose leaf was hashed already.
    mutating func append(_ entry: Span<UInt8>, leaf: Digest256, _ hasher: inout TreeHasher) {
        precondition(entry.count == TreeHasher.entryBytes)
        hashes.append(leaf, &hasher)
        // Safe: the entry is only read, for the length of the call.
        unsafe entry.withUnsafeBufferPointer { unsafe entries.append(contentsOf: $0) }
    }

    /// The root over all entries.
    public func root(_ hasher: inout TreeHasher) -> Digest256 {
        hashes.root(&hasher)
    }

    /// The tiles that differ between the tree of `size` entries and this one, each as wide as now.
    ///
    /// - Parameter stored: Entries whose tiles exist; at least up to there was `forget` not called.
    public func tiles(since stored: UInt64) -> [TilePath] {
        var paths: [TilePath] = []
        guard size > stored else { return paths }
        paths += changed(level: nil, from: stored, to: size)
        for level in 0..<hashes.levelCount {
            let shift = UInt64(level * HashTree.tileHeight)
            paths += changed(level: level, from: stored >> shift, to: size >> shift)
        }
        return paths
    }

    /// The bytes of a tile or a bundle of entries; nil when it is not in memory.
    ///
    /// A bundle has, per entry, a u16 length and the entry (C2SP tlog-tiles).
    public func bytes(of path: TilePath) -> [UInt8]? {
        if let level = path.level {
            return hashes.tile(level: level, index: path.index, width: path.width)
        }
        let start = path.index * UInt64(HashTree.tileWidth)
        guard start >= firstEntry, start + UInt64(path.width) <= size else { return nil }
        let first = Int(start - firstEntry) * TreeHasher.entryBytes
        var buffer = ByteBuffer(capacity: path.width * (2 + TreeHasher.entryBytes))
        buffer.write { writer in
            for index in 0..<path.width {
                let offset = first + index * TreeHasher.entryBytes
                writer.appendBigEndian(UInt16(TreeHasher.entryBytes))
                writer.append(
                    entries.span.extracting(offset..<offset + TreeHasher.entryBytes))
            }
        }
        return buffer.bytes
    }

    /// Drops from memory what the whole tiles of the first `stored` entries hold.
    public mutating func forget(upTo stored: UInt64) {
        hashes.forget(upTo: stored)
        let first = stored / UInt64(HashTree.tileWidth) * UInt64(HashTree.tileWidth)
        guard first > firstEntry else { return }
        entries.removeFirst(Int(first - firstEntry) * TreeHasher.entryBytes)
        firstEntry = first
    }

    private func changed(level: Int?, from old: UInt64, to new: UInt64) -> [TilePath] {
        let width = UInt64(HashTree.tileWidth)
        guard new > old else { return [] }
        return (old / width...(new - 1) / width).map { index in
            TilePath(level: level, index: index, width: Int(min(width, new - index * width)))
        }
    }
}

extension ByteBuffer {
    /// A copy of what is held.
    var bytes: [UInt8] {
        // Safe: the bytes are only read, for the length of the call.
        unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
