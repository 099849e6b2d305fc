import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// A log's files in memory.
struct MemoryFiles: LogSource, Equatable {
    var contents: [String: [UInt8]] = [:]

    func files(in folder: String) -> [String] {
        names(in: folder).filter { !$0.isFolder }.map(\.name)
    }

    func folders(in folder: String) -> [String] {
        Array(Set(names(in: folder).filter(\.isFolder).map(\.name)))
    }

    func read(_ path: String) -> [UInt8]? { contents[path] }

    private func names(in folder: String) -> [(name: String, isFolder: Bool)] {
        contents.keys.compactMap { path in
            guard path.hasPrefix(folder + "/") else { return nil }
            let pieces = path.dropFirst(folder.count + 1).split(separator: "/")
            return pieces.first.map { (String($0), pieces.count > 1) }
        }
    }
}

/// Writes a log into memory as the writer does into files.
struct SampleLog: ~Copyable {
    var files = MemoryFiles()
    var tree = LogTree()
    var number: UInt64 = 0
    var previous = Digest256.zero
    var previousSegment = Digest256.zero
    var segment: [UInt8] = []
    var segmentNumber: UInt64 = 0
    var notes: [UInt8] = []
    var maker: FrameMaker
    var signer: CheckpointSigner
    var batch: BatchEncoder
    /// Of the boot that began an epoch.
    var epoch: EpochSigner
    var stored: UInt64 = 0

    init() throws {
        let library = try CryptoLibrary()
        let newMaker = FrameMaker(hasher: try TreeHasher(library))
        let newSigner = try CheckpointSigner(
            origin: "audit.example/proxy-1", signingKey: try Vectors.signingKey())
        let newBatch = try BatchEncoder(
            capacity: 1 << 16, countLimit: 1000, level: 1, library: library)
        maker = newMaker
        signer = newSigner
        batch = newBatch
        epoch = EpochSigner(origin: "audit.example/proxy-1", boot: 0, lastNumber: 0)
    }

    /// Begins an epoch: a boot's first, or the next one of the same boot.
    mutating func beginEpoch(boot: UInt64, number: UInt64) throws {
        if epoch.boot != boot {
            epoch = EpochSigner(origin: signer.key.name, boot: boot, lastNumber: number - 1)
        }
        var next = try epoch.propose(at: tree.size)
        if next.certificate.signature.isEmpty {
            next.certificate.signature = try signer.certify(next.certificate, boot: boot)
        }
        let core = SampleLog.core(next.certificate, boot: boot)
        epoch.adopt(next)
        try add([(8, core)])
    }

    static func core(_ certificate: EpochCertificate, boot: UInt64) -> String {
        let members = ["boot": CanonicalValue.string(boot.hexText), "epoch": certificate.value]
        return String(decoding: CanonicalValue.object(members).bytes, as: UTF8.self)
    }

    mutating func begin(boot: UInt64, isClean: Bool = true) {
        segment = []
        segmentNumber = number
        let head = SegmentHead(
            origin: signer.key.name, verifierKey: signer.key.text, firstIndex: tree.size,
            boot: boot, build: "test", settingsDigest: .zero, previousSegment: previousSegment,
            isClean: isClean)
        append(.head, head.json)
    }

    /// Adds a batch of records with these cores.
    mutating func add(_ records: [(kind: UInt8, core: String)]) throws {
        for (kind, core) in records {
            let isAdded = try batch.add(
                kind: kind, time: WallTime(microseconds: Int64(tree.size)),
                core: Array(core.utf8).span, subject: Array("{}".utf8).span,
                detail: Array("{}".utf8).span, tree: &tree)
            precondition(isAdded)
        }
        try batch.compress()
        previous = batch.stamp(number: number, previous: previous)
        segment += SampleLog.frame(of: batch)
        number += 1
        batch.reset()
        save()
    }

    mutating func requests(boot: UInt64, worker: Int = 0, _ sequences: ClosedRange<Int>) throws {
        try add(sequences.map { (3, SampleLog.core(boot: boot, worker: worker, $0)) })
    }

    static func core(boot: UInt64, worker: Int, _ sequence: Int) -> String {
        "{\"boot\":\"\(boot.hexText)\",\"seq\":\(sequence),\"worker\":\(worker)}"
    }

    mutating func checkpoint() throws {
        for path in tree.tiles(since: stored) {
            files.contents["tlog/\(path.text)"] = tree.bytes(of: path)
        }
        stored = tree.size
        let note = try signer.sign(
            size: tree.size, root: tree.root(&maker.hasher), epoch: epoch)
        take(note)
    }

    /// Puts a checkpoint that may be somebody else's where checkpoints go.
    mutating func take(_ note: [UInt8]) {
        append(.checkpoint, note)
        notes += note
        files.contents["notes/20260101.notes"] = notes
        files.contents[LogLayout.checkpoint] = note
    }

    mutating func seal() {
        let content = segment
        let seal = SegmentSeal(end: tree.size, digest: maker.hasher.plain(content.span))
        append(.seal, seal.json)
        end()
    }

    /// Ends the segment as a crash does.
    mutating func end() {
        let content = segment
        previousSegment = maker.hasher.plain(content.span)
    }

    private static func frame(of batch: borrowing BatchEncoder) -> [UInt8] {
        let bytes = batch.bytes
        return bytes.indices.map { bytes[$0] }
    }

    private mutating func append(_ type: FrameType, _ clear: [UInt8]) {
        let frame = maker.frame(type, number: number, previous: previous, clear: clear)
        segment += frame.bytes
        previous = frame.digest
        number += 1
        save()
    }

    private mutating func save() {
        files.contents["segments/\(LogLayout.segmentName(segmentNumber))"] = segment
    }

    /// Two segments of two boots, the first one shut down cleanly.
    static func small() throws -> MemoryFiles {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        try log.requests(boot: 1, 3...4)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        log.begin(boot: 2)
        try log.requests(boot: 2, 1...3)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        return log.files
    }
}
