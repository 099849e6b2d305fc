import ArgumentParser
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Puts the evidence for some records into a folder that anyone can check without this program.
struct BundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Makes a folder of evidence that a third party verifies without Sallyport.",
        discussion: """
            The folder has each record with its salts, its proof, the checkpoint, the log's public \
            key, a README, and verify.sh, which needs bash, jq, sha256sum, openssl and what every \
            Linux has. Every proof is checked before it is written.
            """)

    enum Part: String, ExpressibleByArgument, CaseIterable {
        case core, subject, detail
    }

    @Argument(help: "The proxy's audit folder, or the folder of one log in it.")
    var directory: String
    @Argument(help: "Indexes of records, or receipts (log.boot.worker.sequence).")
    var records: [String]
    @Option(name: .customLong("to"), help: "The folder to make; it must be new or empty.")
    var folder: String
    @OptionGroup var identities: IdentityOptions
    @Option(name: .customLong("log"), help: "The log's id; without it, the newest.")
    var logID: String?
    @Option(help: "The log's verifier key or a file with it; without it, the log's own.")
    var vkey: String?
    @Option(help: "A part to hold back (core, subject or detail): only its hash is handed over.")
    var withhold: [Part] = []

    func run() throws {
        try reporting {
            let receipts = records.compactMap { Receipt($0) }
            let named = Set(receipts.map(\.log))
            guard named.count <= 1 else { throw ToolError.severalLogs(ids: named.sorted()) }
            let keys = try TrustedKeys(vkey)
            let log = try LogFolder.one(in: directory, id: named.first ?? logID)
            AccessReport.note("bundle", records.map { "record=\($0)" }, of: [log])
            let key = try keys.key(for: log).key
            let indexes = try indexes(receipts, in: log)
            guard let indexes else { return .doesNotHold }
            let bundle = try EvidenceBundle(
                indexes, of: log, key: key, withheld: Set(withhold.map { Part.number(of: $0) }),
                identities: identities.read())
            try bundle.write(to: folder)
            Console.complain("\(indexes.count) records with proofs in \(folder)")
            return .holds
        }
    }

    /// The indexes that are named, in order; nil when one names no record.
    private func indexes(
        _ receipts: [Receipt], in log: LogFolder
    ) throws -> [UInt64]? {
        var indexes = Set<UInt64>()
        for record in records where Receipt(record) == nil {
            guard let index = UInt64(record) else { throw ToolError.numberMalformed(record) }
            indexes.insert(index)
        }
        if !receipts.isEmpty {
            let found = try ReceiptSearch.find(
                receipts, in: log, signed: .max, identities: identities.read())
            // Only the records say which of them a receipt is for.
            guard !found.complaints.contains(where: { $0.hasPrefix(ScannedBatch.unopened) })
            else { throw ToolError.identityMissing }
            for answer in found.answers {
                guard answer.state == .recorded, let index = answer.index else {
                    Console.complain("\(answer.receipt.text): \(answer.sentence)")
                    return nil
                }
                indexes.insert(index)
                if let completion = answer.completion { indexes.insert(completion) }
            }
        }
        return indexes.sorted()
    }
}

extension BundleCommand.Part {
    fileprivate static func number(of part: BundleCommand.Part) -> Int {
        switch part {
        case .core: 0
        case .subject: 1
        case .detail: 2
        }
    }
}

/// The files of a bundle.
struct EvidenceBundle {
    private(set) var files: [(name: String, bytes: [UInt8])] = []

    /// The evidence for the records at `indexes`, checked.
    ///
    /// - Parameter withheld: Numbers of the parts of which only the hash is handed over.
    init(
        _ indexes: [UInt64], of folder: LogFolder, key: NoteKey, withheld: Set<Int> = [],
        identities: [AgeIdentity] = []
    ) throws(ToolError) {
        var hasher = try TreeHasher.ofTool()
        var note: [UInt8] = []
        for index in indexes {
            var stream = try RecordStream(folder, identities: identities)
            try stream.seek(to: index)
            var found: LogRecord?
            while let record = try stream.next(), record.index <= index { found = record }
            if found == nil, stream.unopenedCount > 0 { throw .identityMissing }
            guard let record = found, record.index == index else {
                throw .noSuchRecord(index: index)
            }
            guard record.isCommitted else {
                throw .evidence("record \(index) is not the one that its entry commits to")
            }
            let proof = try Evidence.prove(record, in: folder, key: key)
            note = proof.note
            files.append((EvidenceBundle.name(index, ".tlog-proof"), proof.bytes))
            let line = EvidenceBundle.json(record, withheld: withheld, &hasher)
            files.append((EvidenceBundle.name(index, ".json"), line + [.lineFeed]))
        }
        files.append(("checkpoint", note))
        files.append(("vkey", Array("\(key.text)\n".utf8)))
        files.append(("README.md", Array(EvidenceScript.readme.utf8)))
        files.append(("verify-record", Array(EvidenceScript.record.utf8)))
        files.append(("verify.sh", Array(EvidenceScript.all.utf8)))
        let sums = files.map { "\(hasher.plain($0.bytes.span).hexText)  \($0.name)\n" }
        files.append(("SHA256SUMS", Array(sums.joined().utf8)))
    }

    private static func name(_ index: UInt64, _ ending: String) -> String {
        "record-\(index)\(ending)"
    }

    /// The record's line with salts; of a part that is held back, the hash instead.
    static func json(
        _ record: LogRecord, withheld: Set<Int>, _ hasher: inout TreeHasher
    ) -> [UInt8] {
        guard !withheld.isEmpty else { return RecordLine.json(record, salts: true) }
        var shown = record.record
        var hashes: [String] = []
        for number in shown.parts.indices {
            guard withheld.contains(number) else {
                hashes.append("null")
                continue
            }
            let part = shown.parts[number]
            let hash = hasher.part(
                UInt8(truncatingIfNeeded: number), salt: part.salt.span, bytes: part.bytes.span)
            hashes.append("\"\(hash.hexText)\"")
            // Whoever had the salt could try what the part might have said.
            shown.parts[number] = StoredRecord.Part(salt: [], bytes: Array("null".utf8))
        }
        let open = LogRecord(
            index: record.index, record: shown, entry: record.entry, leaf: record.leaf,
            isCommitted: record.isCommitted)
        let line = RecordLine.json(open, salts: true)
        return Array(line.dropLast())
            + Array(",\"hashes\":[\(hashes.joined(separator: ","))]}".utf8)
    }

    /// Writes the files into the folder at `path`, which is made.
    func write(to path: String) throws(ToolError) {
        do {
            let folder = try DurableDirectory.create(path: path)
            guard try folder.names().isEmpty else {
                throw ToolError.unreadable(file: path, why: "the folder is not empty")
            }
            for file in files {
                let made = try folder.createFile(file.name)
                try made.write(file.bytes.span, at: 0)
                try made.sync()
            }
            try folder.sync()
        } catch let error as ToolError {
            throw error
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
    }
}
