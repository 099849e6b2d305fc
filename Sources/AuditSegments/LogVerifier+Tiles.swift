import Primitives

extension LogVerifier {
    /// Finds every file among the tiles.
    mutating func listTiles() {
        var folders = [LogLayout.tiles]
        while let folder = folders.popLast() {
            for name in source.folders(in: folder).sorted() { folders.append("\(folder)/\(name)") }
            for name in source.files(in: folder).sorted() {
                let file = "\(folder)/\(name)"
                guard let path = TilePath(String(file.dropFirst(LogLayout.served.count + 1)))
                else {
                    let isTemporary = name.hasSuffix(LogLayout.temporaryEnding)
                    add(
                        isTemporary ? .temporaryFile : .tileUnknown, file,
                        weight: isTemporary ? .notice : .broken)
                    continue
                }
                let whole = TilePath(
                    level: path.level, index: path.index, width: HashTree.tileWidth)
                listedTiles[whole, default: []].insert(path.width)
            }
        }
    }

    /// Compares the tiles that are complete, and drops them from memory.
    mutating func checkTiles() {
        guard isTreeWhole else { return }
        for path in tree.tiles(since: tilesDone) where path.isWhole { check(path) }
        tilesDone = tree.size
        tree.forget(upTo: tilesDone)
    }

    /// Compares the tiles at the right edge, and makes sure that no file is left over.
    mutating func checkLastTiles() {
        let width = UInt64(HashTree.tileWidth)
        var edges: [(level: Int?, count: UInt64)] = [(nil, tree.size)]
        for level in 0..<tree.hashes.levelCount {
            edges.append((level, tree.hashes.hashCount(level: level)))
        }
        for (level, count) in edges where count % width != 0 {
            check(TilePath(level: level, index: count / width, width: Int(count % width)))
        }
        for (path, widths) in incompleteTiles { requireTile(path, stored: widths) }
        for (path, widths) in listedTiles {
            for part in widths {
                let left = TilePath(level: path.level, index: path.index, width: part)
                add(.tileUnknown, "\(LogLayout.served)/\(left.text)")
            }
        }
    }

    /// Compares every stored version of a tile with the tree's `path`, as wide as it is now.
    private mutating func check(_ path: TilePath) {
        let whole = TilePath(level: path.level, index: path.index, width: HashTree.tileWidth)
        let widths = listedTiles.removeValue(forKey: whole) ?? []
        guard let expected = tree.bytes(of: path) else { return }
        let unit = expected.count / path.width
        for width in widths.sorted() {
            let part = TilePath(level: path.level, index: path.index, width: width)
            let file = "\(LogLayout.served)/\(part.text)"
            guard width <= path.width else {
                add(.tileUnknown, file)
                continue
            }
            report.tiles += 1
            guard let found = source.read(file) else {
                add(.unreadable, file)
                continue
            }
            if found != Array(expected.prefix(width * unit)) { add(.tileDiffers, file) }
        }
        // Which of them have to be there is known once the last checkpoint is.
        if !widths.contains(HashTree.tileWidth) { incompleteTiles[path] = widths }
    }

    /// Makes sure that the last checkpoint's reader finds the tile: as it was then, or wider.
    private mutating func requireTile(_ path: TilePath, stored widths: Set<Int>) {
        let shift = UInt64((path.level ?? 0) * HashTree.tileHeight)
        let covered = report.checkpointSize >> shift
        let start = path.index * UInt64(HashTree.tileWidth)
        guard covered > start else { return }
        let needed = Int(min(covered - start, UInt64(HashTree.tileWidth)))
        guard !widths.contains(needed), !widths.contains(HashTree.tileWidth) else { return }
        let missing = TilePath(level: path.level, index: path.index, width: needed)
        add(.tileMissing, "\(LogLayout.served)/\(missing.text)")
    }
}
