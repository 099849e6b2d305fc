import AuditSegments
import Crypto
import Primitives
import Testing

@Suite struct HashTreeTests {
    @Test func `three leaves have the root that RFC 6962 gives them`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        var tree = HashTree()
        for text in ["a", "b", "c"] {
            tree.append(hasher.leaf(Array(text.utf8).span), &hasher)
        }
        let root = tree.root(&hasher)
        #expect(
            root.hexText == "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1")
    }

    @Test func `no leaves have the hash of nothing`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        let root = HashTree().root(&hasher)
        #expect(
            root.hexText == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `the vectors' log has its roots and tiles at each size`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        var log = LogTree()
        var stored: UInt64 = 0
        var paths: Set<String> = []
        for entry in try Vectors.entries() {
            log.append(entry.span, &hasher)
            guard let (size, root) = Vectors.roots.first(where: { $0.0 == log.size }) else {
                continue
            }
            let found = log.root(&hasher)
            #expect(found == Vectors.digest(base64: root), "size \(size)")
            for path in log.tiles(since: stored) {
                let text = path.text
                let bytes = log.bytes(of: path)
                #expect(bytes == (try Vectors.bytes("log\(size)/\(text)")), "\(text)")
                paths.insert("\(size)/\(text)")
            }
            stored = size
            log.forget(upTo: stored)
        }
        #expect(
            paths == [
                "5/tile/entries/000.p/5", "5/tile/0/000.p/5",
                "300/tile/entries/000", "300/tile/entries/001.p/44", "300/tile/0/000",
                "300/tile/0/001.p/44", "300/tile/1/000.p/1",
                "700/tile/entries/001", "700/tile/entries/002.p/188", "700/tile/0/001",
                "700/tile/0/002.p/188", "700/tile/1/000.p/2",
            ])
    }
}

@Suite struct TilePathTests {
    @Test(
        arguments: [
            ("tile/0/000", 0, 0, 256), ("tile/entries/001.p/44", nil, 1, 44),
            ("tile/3/x001/x234/067", 3, 1_234_067, 256),
            ("tile/0/x001/000.p/1", 0, 1000, 1),
        ] as [(String, Int?, UInt64, Int)])
    func `a path has one text`(text: String, level: Int?, index: UInt64, width: Int) {
        let path = TilePath(level: level, index: index, width: width)
        #expect(path.text == text)
        #expect(TilePath(text) == path)
    }

    @Test(arguments: [
        "", "tile/0", "tile/0/0", "tile/0/x000/000", "tile/8/000", "tile/00/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p", "tile/0/001/000", "tile/0/x001",
        "tile/-1/000", "tile/0/+01", "tile/entries/0000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ])
    func `any other text is no path`(text: String) {
        #expect(TilePath(text) == nil)
    }
}

@Suite struct TreeHasherTests {
    /// Tests/Vectors/audit/README.md, "Record commitment".
    @Test func `the vectors' record has its commitment, entry and leaf hash`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        let salt = Array<UInt8>(0..<16)
        let core =
            "{\"m\":\"GET\",\"outcome\":\"deny\",\"policy\":{\"id\":\"p1\",\"rule\":\"deny-42\"},"
            + "\"route\":\"r/api-\u{e9}\",\"status\":200,\"trunc\":false,"
            + "\"ts\":1795462606123456,\"v\":1}"
        let first = hasher.part(0, salt: salt.span, bytes: Array(core.utf8).span)
        #expect(
            first.hexText == "5a54db50312190bfabcce1ec7cda1c927fd171e6cdfb56407ecd6a7b51bf6c60")
        let parts = [core, "{}", "{}"].map {
            StoredRecord.Part(salt: salt, bytes: Array($0.utf8))
        }
        // The vectors' entry has kind 1.
        let entry = StoredRecord(kind: 1, parts: parts).entry(&hasher)
        let commitment = "ebf1d2c145a81d3a6741e312578a784cd3d3a244369fb25116f6cc460e2c6d3e"
        #expect(Array(entry.prefix(4)) == [0x61, 0x6C, 0x31, 0x01])
        #expect(Digest256(Array(entry.dropFirst(4)).span)?.hexText == commitment)
        let leaf = hasher.leaf(entry.span)
        #expect(
            leaf.hexText == "d5704a59fb0399bd3b69e8466951d8642babd62d79ec70da425221603e929dd0")
    }
}

@Suite struct TreeProofTests {
    @Test func `every leaf of every small tree is proven, and nothing else`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        for size in UInt64(1)...20 {
            var tree = LogTree()
            var leaves: [Digest256] = []
            for index in 0..<size {
                let entry = [UInt8](repeating: UInt8(index), count: 36)
                leaves.append(hasher.leaf(entry.span))
                tree.append(entry.span, &hasher)
            }
            let root = tree.root(&hasher)
            let tiles = tree.allTiles()
            for index in 0..<size {
                let proof = try TreeProof.inclusion(
                    index: index, size: size, tiles: { tiles[$0] }, hasher: &hasher)
                for claimed in 0..<size {
                    let holds = included(leaves[Int(index)], claimed, size, proof, root, &hasher)
                    #expect(holds == (claimed == index))
                }
                let longer = included(
                    leaves[Int(index)], index, size, proof + [root], root, &hasher)
                #expect(!longer)
            }
        }
    }

    @Test func `every beginning of a tree is proven, and no other`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        var tree = LogTree()
        var roots: [Digest256] = [tree.root(&hasher)]
        for second in UInt64(1)...300 {
            tree.append([UInt8](repeating: UInt8(second & 255), count: 36).span, &hasher)
            roots.append(tree.root(&hasher))
            guard second < 18 || second > 298 else { continue }
            let tiles = tree.allTiles()
            for first in 1...second {
                let proof = try TreeProof.consistency(
                    first: first, second: second, tiles: { tiles[$0] }, hasher: &hasher)
                let holds = consistent(
                    first, roots[Int(first)], second, roots[Int(second)], proof, &hasher)
                #expect(holds, "\(first) in \(second)")
                let forged = consistent(
                    first, roots[Int(first) - 1], second, roots[Int(second)], proof, &hasher)
                #expect(!forged, "\(first) in \(second)")
            }
        }
    }

    @Test func `the vectors' log is one log`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        let source: TileSource = { try? Vectors.bytes("log700/\($0.text)") }
        let roots = Vectors.roots.compactMap { Vectors.digest(base64: $0.1) }
        let root = try TreeProof.root(size: 700, tiles: source, hasher: &hasher)
        #expect(root == roots[2])
        for (position, first) in [5, 300].enumerated() {
            let proof = try TreeProof.consistency(
                first: UInt64(first), second: 700, tiles: source, hasher: &hasher)
            try TreeProof.verifyConsistency(
                first: UInt64(first), firstRoot: roots[position], second: 700,
                secondRoot: roots[2], proof: proof, hasher: &hasher)
        }
    }

    @Test func `a proof without its tile or past the tree is refused`() throws {
        var hasher = try TreeHasher(try CryptoLibrary())
        #expect(throws: EvidenceError.indexOutOfRange) {
            _ = try TreeProof.inclusion(index: 5, size: 5, tiles: { _ in nil }, hasher: &hasher)
        }
        #expect(throws: EvidenceError.tileMissing(level: 0, index: 0)) {
            _ = try TreeProof.inclusion(index: 2, size: 5, tiles: { _ in nil }, hasher: &hasher)
        }
        #expect(throws: EvidenceError.indexOutOfRange) {
            _ = try TreeProof.consistency(first: 6, second: 5, tiles: { _ in nil }, hasher: &hasher)
        }
    }

    private func included(
        _ leaf: Digest256, _ index: UInt64, _ size: UInt64, _ proof: [Digest256],
        _ root: Digest256, _ hasher: inout TreeHasher
    ) -> Bool {
        do {
            try TreeProof.verifyInclusion(
                leaf: leaf, index: index, size: size, proof: proof, root: root, hasher: &hasher)
            return true
        } catch {
            return false
        }
    }

    private func consistent(
        _ first: UInt64, _ firstRoot: Digest256, _ second: UInt64, _ secondRoot: Digest256,
        _ proof: [Digest256], _ hasher: inout TreeHasher
    ) -> Bool {
        do {
            try TreeProof.verifyConsistency(
                first: first, firstRoot: firstRoot, second: second, secondRoot: secondRoot,
                proof: proof, hasher: &hasher)
            return true
        } catch {
            return false
        }
    }
}

extension LogTree {
    /// Every tile, as wide as it is.
    func allTiles() -> [TilePath: [UInt8]] {
        var tiles: [TilePath: [UInt8]] = [:]
        for path in self.tiles(since: 0) { tiles[path] = bytes(of: path) }
        return tiles
    }
}
