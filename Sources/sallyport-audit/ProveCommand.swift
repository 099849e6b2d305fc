import ArgumentParser
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Makes the evidence for one record: a C2SP `.tlog-proof`, checked before it is written.
struct ProveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove",
        abstract: "Proves that a record is in the log.",
        discussion: """
            Prints a C2SP tlog-proof. With --with-record, the record with its salts is written \
            beside it: part hash = SHA-256(10 ‖ part number ‖ salt ‖ part), commitment = \
            SHA-256(11 ‖ 03 ‖ the three part hashes), entry = "al1" ‖ kind ‖ commitment, leaf = \
            SHA-256(00 ‖ entry). Leave a part out by handing over its part hash instead.
            """)

    @OptionGroup var log: LogOptions
    @Argument(help: "The record's index, or its receipt (log.boot.worker.sequence).")
    var record: String
    @OptionGroup var identities: IdentityOptions
    @Option(help: "The log's verifier key or a file with it; without it, the log's own.")
    var vkey: String?
    @Option(name: .shortAndLong, help: "File to write the proof to; without it, the output.")
    var output: String?
    @Option(help: "File to write the record with its salts to, as one line of JSON.")
    var withRecord: String?

    func run() throws {
        try reporting {
            let keys = try TrustedKeys(vkey)
            let folder = try LogFolder.one(in: log.directory, id: receipt?.log ?? log.logID)
            AccessReport.note("prove", ["record=\(record)"], of: [folder])
            let found = try find(in: folder)
            guard let found else {
                Console.complain("there is no record \(record) in \(folder.id)")
                return .doesNotHold
            }
            if try folder.isPruned(found.index) {
                if withRecord != nil { throw ToolError.recordPruned(index: found.index) }
                Console.complain(
                    "record \(found.index) was deleted; what is proven is its hash, the entry "
                        + RecordLine.hex(found.entry))
            }
            // A proof needs the entry, the record itself is another matter.
            if withRecord != nil, found.record.parts.isEmpty { throw ToolError.identityMissing }
            let key = try keys.key(for: folder).key
            let proof = try Evidence.prove(found, in: folder, key: key)
            try Output.write(proof.bytes, to: output)
            if let withRecord {
                try Output.write(RecordLine.json(found, salts: true) + [.lineFeed], to: withRecord)
            }
            return .holds
        }
    }

    /// The record's place by its receipt, when that is how it was named.
    private var receipt: (log: String, boot: String, worker: Int64, sequence: Int64)? {
        let pieces = record.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count == 4, let worker = Int64(pieces[2]), let sequence = Int64(pieces[3])
        else { return nil }
        return (String(pieces[0]), String(pieces[1]), worker, sequence)
    }

    private func find(in folder: LogFolder) throws(ToolError) -> LogRecord? {
        var stream = try RecordStream(folder, identities: identities.read())
        if let receipt {
            while let found = try stream.next() {
                let core = found.core
                if [1, 2, 3, 4].contains(found.record.kind),
                    core.integer("seq") == receipt.sequence,
                    core.integer("worker") == receipt.worker, core.string("boot") == receipt.boot
                {
                    return found
                }
            }
            guard stream.unopenedCount == 0 else { throw .identityMissing }
            return nil
        }
        stream.passesUnopened = true
        guard let index = UInt64(record) else { throw .numberMalformed(record) }
        if try folder.isPruned(index) { return try folder.prunedRecord(index) }
        try stream.seek(to: index)
        while let found = try stream.next() {
            if found.index == index { return found }
            if found.index > index { break }
        }
        return nil
    }
}

/// Where results go.
enum Output {
    /// Writes `bytes` to the file at `path`, or to the output.
    static func write(_ bytes: [UInt8], to path: String?) throws(ToolError) {
        guard let path else {
            StandardStream.output.write(bytes.span)
            return
        }
        do {
            let pieces = path.split(separator: "/", omittingEmptySubsequences: false)
            let name = String(pieces.last ?? "")
            let base = pieces.dropLast().joined(separator: "/")
            let folder = try DurableDirectory(
                path: pieces.count == 1 ? "." : base.isEmpty ? "/" : base)
            try folder.replace(name, bytes.span)
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
    }
}

/// Makes proofs out of a log's published files.
enum Evidence {
    /// The way from `record` to the published checkpoint; it holds under `key`, or this throws.
    static func prove(
        _ record: LogRecord, in folder: LogFolder, key: NoteKey
    ) throws(ToolError) -> TransparencyProof {
        guard let note = folder.read(LogLayout.checkpoint) else { throw .noCheckpoint }
        do {
            let checkpoint = try Checkpoint(note: note, key: key)
            guard record.index < checkpoint.size else {
                throw ToolError.notCovered(index: record.index, size: checkpoint.size)
            }
            let library = try CryptoLibrary()
            var hasher = try TreeHasher(library)
            let hashes = try TreeProof.inclusion(
                index: record.index, size: checkpoint.size, tiles: folder.tile, hasher: &hasher)
            let proof = TransparencyProof(index: record.index, hashes: hashes, note: note)
            _ = try proof.verify(entry: record.entry, key: key, hasher: &hasher)
            return proof
        } catch let error as ToolError {
            throw error
        } catch {
            throw .evidence("record \(record.index) can't be proven: \(error)")
        }
    }
}

extension LogFolder {
    /// Records in whole frames.
    func size() throws(ToolError) -> UInt64 {
        for number in segments.reversed() {
            var reader = SegmentPieces(path: segmentPath(number))
            var size: UInt64?
            while let piece = try? reader.next(sealed: false) {
                if piece.header.type == .head, let head = try? SegmentHead(json: piece.clear) {
                    size = head.firstIndex
                } else if piece.header.type == .batch,
                    let batch = try? BatchHeader(clear: piece.clear.span)
                {
                    size = batch.firstIndex + UInt64(batch.count)
                }
            }
            if let size { return size }
        }
        return 0
    }

    /// Whether the record's segment was deleted: the log's first one begins behind it.
    func isPruned(_ index: UInt64) throws(ToolError) -> Bool {
        guard let first = segments.first, first > 0 else { return false }
        return index < firstIndex(of: first) ?? 0
    }

    /// What is left of a record whose segment was deleted: its entry, out of its bundle.
    func prunedRecord(_ index: UInt64) throws(ToolError) -> LogRecord? {
        let width = UInt64(HashTree.tileWidth)
        let position = Int(index % width)
        let path = TilePath(level: nil, index: index / width, width: position + 1)
        let unit = 2 + TreeHasher.entryBytes
        guard let bundle = tile(path), bundle.count >= (position + 1) * unit else { return nil }
        let entry = Array(bundle[position * unit + 2..<(position + 1) * unit])
        var hasher = try TreeHasher.ofTool()
        return LogRecord(
            index: index, record: StoredRecord(kind: entry[3], parts: []), entry: entry,
            leaf: hasher.leaf(entry.span), isCommitted: false)
    }
}
