import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// What others keep of the log, for `verify` to compare.
struct OutsideOptions: ParsableArguments {
    @Option(
        help: """
            What journalctl -t sallyport --output=json --all printed: the log has to contain \
            every signed checkpoint in it.
            """)
    var journal: [String] = []
    @Option(help: "A witness's verifier key: the log has to be cosigned by its owner.")
    var witness: [String] = []
    @Option(help: "How many of the witnesses have to have cosigned; all of them otherwise.")
    var quorum: Int?

    /// The witnesses' keys.
    func keys() throws(ToolError) -> [WitnessKey] {
        var keys: [WitnessKey] = []
        for text in witness {
            guard let key = try? WitnessKey(text), !keys.contains(key) else {
                throw .keyMalformed(text)
            }
            keys.append(key)
        }
        if let quorum, !(1...max(1, keys.count)).contains(quorum) {
            throw .numberMalformed("--quorum \(quorum) of \(keys.count) witnesses")
        }
        return keys
    }
}

extension Verdict {
    /// Compares `verdicts`' logs with what `options` name.
    static func compare(
        _ verdicts: inout [Verdict], _ options: OutsideOptions
    ) throws(ToolError) {
        let keys = try options.keys()
        let logs = verdicts.map(\.key)
        var claims = verdicts.map { _ in JournalClaims() }
        for path in options.journal {
            try JournalExport.read(path) { (message) throws(ToolError) in
                guard let signed = try? SignedNote(message.note),
                    let claim = try? Checkpoint(text: signed.text),
                    let index = logs.firstIndex(where: { $0.name == claim.origin })
                else { return }
                let isSigned = (try? signed.verify(logs[index])) != nil
                claims[index].take(claim, isSigned: isSigned, line: message.line)
            }
        }
        for index in verdicts.indices {
            var roots = RootsOfTiles(verdicts[index].folder)
            // Others may have heard of what was published since the log was looked at.
            let published = verdicts[index].isLive ? verdicts[index].publishedSize : 0
            let size = max(verdicts[index].report.size, published)
            if !options.journal.isEmpty {
                verdicts[index].compare(claims[index], size, &roots)
            }
            if !keys.isEmpty {
                verdicts[index].compare(keys, options.quorum ?? keys.count, size, &roots)
            }
        }
    }

    /// Compares the journal's checkpoints of one log with it.
    private mutating func compare(
        _ claims: JournalClaims, _ size: UInt64, _ roots: inout RootsOfTiles
    ) {
        var fitting = 0
        for claim in claims.signed.sorted(by: { ($0.size, $0.line) < ($1.size, $1.line) }) {
            guard claim.size <= size else {
                problems.append(
                    "the journal (line \(claim.line)) has a signed checkpoint of \(claim.size) "
                        + "records, the log has only \(size): records are missing")
                break
            }
            guard let root = roots.root(size: claim.size) else {
                open.append("the tiles can't be read as of \(claim.size) records")
                break
            }
            guard root == claim.root else {
                problems.append(
                    "the first \(claim.size) records are not those of the signed checkpoint in "
                        + "the journal (line \(claim.line)): history was rewritten")
                break
            }
            fitting += 1
        }
        let largest = claims.signed.map(\.size).max() ?? 0
        if claims.signed.isEmpty {
            open.append("the journal has no signed checkpoint of this log")
        } else if fitting == claims.signed.count {
            notes.append(
                "\(fitting) checkpoints in the journal fit, the last of \(largest) records")
        }
        if claims.unsigned > 0 {
            // Whoever may write to the journal can write such a message.
            notes.append(
                "\(claims.unsigned) messages in the journal are not signed by the log's key, the "
                    + "first in line \(claims.firstUnsigned)")
        }
        members["journal"] = .object([
            "checkpoints": .integer(Int64(claims.signed.count)), "size": .count(largest),
            "unsigned": .integer(Int64(claims.unsigned)),
        ])
    }

    /// Makes sure that `quorum` of the witnesses cosigned the log.
    private mutating func compare(
        _ keys: [WitnessKey], _ quorum: Int, _ size: UInt64, _ roots: inout RootsOfTiles
    ) {
        var sizes: [UInt64] = []
        var listed: [CanonicalValue] = []
        for key in keys {
            guard let bytes = folder.read(LogLayout.cosigned(by: key)) else {
                notes.append("witness \(key.name): nothing cosigned is kept")
                continue
            }
            do {
                let note = try SignedNote(bytes)
                let seconds = try key.verify(note)
                let claim = try Checkpoint(note: bytes, key: self.key)
                guard claim.size <= size, let root = roots.root(size: claim.size) else {
                    problems.append(
                        "witness \(key.name) cosigned \(claim.size) records, the log has only "
                            + "\(size): records are missing")
                    continue
                }
                guard root == claim.root else {
                    problems.append(
                        "the first \(claim.size) records are not those that witness \(key.name) "
                            + "cosigned: history was rewritten")
                    continue
                }
                let time = WallTime(microseconds: Int64(clamping: seconds) &* 1_000_000)
                sizes.append(claim.size)
                notes.append(
                    "witness \(key.name) cosigned \(claim.size) records at \(Timestamp.text(time))")
                listed.append(
                    .object([
                        "name": .string(key.name), "size": .count(claim.size),
                        "ts": .integer(time.microseconds),
                    ]))
            } catch {
                problems.append("witness \(key.name): its cosignature does not hold: \(error)")
            }
        }
        members["witnesses"] = .array(listed)
        guard sizes.count >= quorum else {
            problems.append("\(sizes.count) of \(keys.count) witnesses cosigned, \(quorum) needed")
            return
        }
        let covered = sizes.sorted(by: >)[quorum - 1]
        notes.append("\(quorum) of \(keys.count) witnesses cosigned the first \(covered) records")
        members["witnessed_size"] = .count(covered)
    }
}

extension Verdict {
    /// Entries under the log's checkpoint as it is published now; 0 when it is not signed.
    fileprivate var publishedSize: UInt64 {
        guard let note = folder.read(LogLayout.checkpoint) else { return 0 }
        return (try? Checkpoint(note: note, key: key))?.size ?? 0
    }
}

/// The checkpoints of one log in the journal.
private struct JournalClaims {
    struct Claim {
        var size: UInt64
        var root: Digest256
        var line: Int
    }

    private(set) var signed: [Claim] = []
    private(set) var unsigned = 0
    private(set) var firstUnsigned = 0

    mutating func take(_ checkpoint: Checkpoint, isSigned: Bool, line: Int) {
        if isSigned {
            signed.append(Claim(size: checkpoint.size, root: checkpoint.root, line: line))
        } else {
            if unsigned == 0 { firstUnsigned = line }
            unsigned += 1
        }
    }
}

/// Roots of smaller trees, from the tiles that the verifier compared with the entries.
private struct RootsOfTiles {
    private let folder: LogFolder
    private var tiles: [String: [UInt8]] = [:]
    private static let limitTiles = 64

    init(_ folder: LogFolder) {
        self.folder = folder
    }

    /// The root over the first `size` entries; nil when a tile is missing.
    mutating func root(size: UInt64) -> Digest256? {
        guard let library = try? CryptoLibrary(), var hasher = try? TreeHasher(library) else {
            return nil
        }
        var known = tiles
        let folder = folder
        let root = try? TreeProof.root(
            size: size,
            tiles: { path in
                let name = "\(path.level ?? -1)/\(path.index)"
                let needed = path.width * Digest256.byteCount
                if let tile = known[name], tile.count >= needed { return tile }
                let tile = folder.tile(path)
                if known.count == RootsOfTiles.limitTiles { known.removeAll() }
                known[name] = tile
                return tile
            }, hasher: &hasher)
        tiles = known
        return root
    }
}
