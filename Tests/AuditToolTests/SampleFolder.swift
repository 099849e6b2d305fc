import AuditRecords
import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives

@testable import sallyport_audit

/// A log on disk, made with the writer's own encoders.
struct SampleFolder: ~Copyable {
    /// The audit folder, and the log in it.
    let audit: String
    let log: LogFolder
    private var tree = LogTree()
    private var number: UInt64 = 0
    private var previous = Digest256.zero
    private var previousSegment = Digest256.zero
    private var segment: [UInt8] = []
    private var segmentNumber: UInt64 = 0
    private var notes: [UInt8] = []
    private var stored: UInt64 = 0
    private var sequence: UInt64 = 0
    private var hasher: TreeHasher
    private var batch: BatchEncoder
    private var parts: PartsEncoder
    private let frames = FrameEncoder()
    private var signer: CheckpointSigner
    static let boot: UInt64 = 0xB00
    static let start: Int64 = 1_795_462_606_000_000

    init(logID: UInt64 = 0xA0D17) throws {
        let library = try CryptoLibrary()
        let newHasher = try TreeHasher(library)
        let newBatch = try BatchEncoder(
            capacity: 1 << 20, countLimit: 4096, level: 1, library: library)
        let newSigner = try CheckpointSigner(
            origin: "audit.example/proxy-1/\(logID.hexText)",
            signingKey: try SigningKey(seed: Array(UInt8(0)..<32).span))
        audit = FileManager.default.temporaryDirectory.path + "/sallyport-" + UUID().uuidString
        log = LogFolder(path: "\(audit)/\(logID.hexText)")
        hasher = newHasher
        batch = newBatch
        signer = newSigner
        var names = RecordNames()
        names.routes = ["orders"]
        names.roles = ["orders:read"]
        parts = PartsEncoder(
            instance: InstanceFacts(logID: logID, boot: SampleFolder.boot), names: names)
        begin()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: audit)
    }

    var vkey: String { signer.key.text }
    var size: UInt64 { tree.size }

    private mutating func begin() {
        segment = []
        segmentNumber = number
        append(
            .head,
            SegmentHead(
                origin: signer.key.name, verifierKey: signer.key.text, firstIndex: tree.size,
                boot: SampleFolder.boot, build: "test", settingsDigest: .zero,
                previousSegment: previousSegment, isClean: true
            ).json)
    }

    /// One batch of requests, the subjects in turn and every third one refused.
    mutating func requests(_ count: Int) throws {
        for _ in 0..<count {
            sequence += 1
            let isDenied = sequence % 3 == 0
            var facts = RecordFacts()
            facts.sequence = sequence
            facts.method = 1
            facts.httpVersion = 11
            facts.route = 0
            facts.status = isDenied ? 403 : 200
            facts.outcome = isDenied ? .deny : .allow
            facts.reason = isDenied ? .policyRoleMissing : .none
            facts.requestID = Identifier128(high: 7, low: sequence)
            facts.time = WallTime(
                microseconds: SampleFolder.start + Int64(sequence) * 1_000_000)
            facts.peer = PeerAddress(ipv4: 0x7F00_0001, port: 50000)
            let subject = Array((sequence % 2 == 0 ? "alice" : "bob").utf8)
            let path = Array("/orders/\(sequence)".utf8)
            var fields = ByteBuffer(capacity: 4096)
            fields.write { writer in
                let limits = RecordLimits()
                _ = writer.appendRecordField(.subject, subject.span, limits: limits)
                _ = writer.appendRecordField(.path, path.span, limits: limits)
            }
            var output = ByteBuffer(capacity: 65536)
            let places = output.write { parts.encode(facts, fields: fields.span, into: &$0) }
            try add(kind: 3, facts.time, output.span, places)
        }
        try endBatch()
    }

    /// A batch of one record of a TLS connection.
    mutating func record(_ kind: RecordKind, _ texts: [(RecordField, String)]) throws {
        sequence += 1
        var facts = RecordFacts()
        facts.kind = kind
        facts.sequence = sequence
        facts.time = WallTime(microseconds: SampleFolder.start)
        facts.peer = PeerAddress(ipv4: 0x7F00_0001, port: 50000)
        facts.handshakeMicroseconds = 99
        if kind == .authentication {
            facts.outcome = .deny
            facts.reason = .tlsCertificateUntrusted
            facts.errorPhase = .handshake
            facts.errorSource = .client
            facts.tlsAlert = 48
        } else {
            facts.outcome = .allow
            facts.tlsVersion = 0x0304
        }
        var fields = ByteBuffer(capacity: 4096)
        for (field, text) in texts {
            let bytes = Array(text.utf8)
            fields.write { writer in
                _ = writer.appendRecordField(field, bytes.span, limits: RecordLimits())
            }
        }
        var output = ByteBuffer(capacity: 65536)
        let places = output.write { parts.encode(facts, fields: fields.span, into: &$0) }
        try add(kind: kind.rawValue, facts.time, output.span, places)
        try endBatch()
    }

    mutating func stop() throws {
        try event(.stop(sequences: [sequence]))
    }

    mutating func event(_ event: LifecycleEvent) throws {
        var output = ByteBuffer(capacity: 4096)
        let time = WallTime(microseconds: SampleFolder.start)
        let places = output.write {
            parts.encode(event, time: time, instant: .zero, into: &$0)
        }
        try add(kind: 6, time, output.span, places)
        try endBatch()
    }

    /// A gap leaf about numbers of this boot's worker 0, or of another boot's.
    mutating func gap(first: UInt64, last: UInt64?, boot: UInt64 = SampleFolder.boot) throws {
        var output = ByteBuffer(capacity: 4096)
        let time = WallTime(microseconds: SampleFolder.start)
        let facts = GapFacts(
            boot: boot, worker: 0, first: first, last: last, reason: .lostInCrash)
        let places = output.write {
            parts.encode(facts, time: time, instant: .zero, into: &$0)
        }
        try add(kind: 7, time, output.span, places)
        try endBatch()
        if boot == SampleFolder.boot, let last { sequence = last }
    }

    private mutating func add(
        kind: UInt8, _ time: WallTime, _ bytes: Span<UInt8>, _ places: RecordParts
    ) throws {
        let isAdded = try batch.add(
            kind: kind, time: time, core: bytes.extracting(places.core),
            subject: bytes.extracting(places.subject), detail: bytes.extracting(places.detail),
            tree: &tree)
        precondition(isAdded)
    }

    private mutating func endBatch() throws {
        try batch.compress()
        previous = batch.stamp(number: number, previous: previous)
        segment += SampleFolder.frame(of: batch)
        number += 1
        batch.reset()
    }

    private static func frame(of batch: borrowing BatchEncoder) -> [UInt8] {
        let bytes = batch.bytes
        return bytes.indices.map { bytes[$0] }
    }

    mutating func checkpoint() throws {
        for path in tree.tiles(since: stored) {
            try write("tlog/\(path.text)", tree.bytes(of: path) ?? [])
        }
        stored = tree.size
        let note = try signer.sign(size: tree.size, root: tree.root(&hasher))
        append(.checkpoint, note)
        notes += note
        try write("notes/20261124.notes", notes)
        try write("tlog/checkpoint", note)
    }

    /// Ends the segment in order and begins the next.
    mutating func rotate() throws {
        try seal()
        begin()
    }

    mutating func seal() throws {
        let content = segment
        append(.seal, SegmentSeal(end: tree.size, digest: hasher.plain(content.span)).json)
        try save()
        let whole = segment
        previousSegment = hasher.plain(whole.span)
    }

    private mutating func append(_ type: FrameType, _ clear: [UInt8]) {
        let frame = frames.encode(
            type, number: number, previous: previous, clear: clear, hasher: &hasher)
        segment += frame.bytes
        previous = frame.digest
        number += 1
    }

    /// Writes the open segment.
    func save() throws {
        try write("segments/\(LogLayout.segmentName(segmentNumber))", segment)
    }

    func write(_ file: String, _ bytes: [UInt8]) throws {
        let url = URL(filePath: "\(log.path)/\(file)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func read(_ file: String) -> [UInt8] { log.read(file) ?? [] }

    /// 600 requests in two segments and two boots' worth of checkpoints, ended in order.
    static func finished() throws -> SampleFolder {
        var folder = try SampleFolder()
        try folder.requests(200)
        try folder.checkpoint()
        try folder.requests(100)
        try folder.checkpoint()
        try folder.rotate()
        try folder.requests(300)
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        return folder
    }
}
