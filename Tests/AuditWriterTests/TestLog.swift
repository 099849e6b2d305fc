import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

/// A folder for one test, with a signing key in it; it goes away with its owner.
final class TestFolder {
    let path: String
    var settings: AuditSettings
    /// Opens the records where they are encrypted.
    var identities: [AgeIdentity] = []

    init(in parent: String? = nil) throws {
        path =
            URL(filePath: parent ?? FileManager.default.temporaryDirectory.path)
            .appending(path: "sallyport-audit-\(UInt64.random(in: 0...UInt64.max))").path
        try TestFolder.makeKey(in: path)
        settings = AuditSettings(
            directory: "\(path)/audit", originName: "test.example/proxy",
            signingKeyPath: "\(path)/key.pem")
        settings.checkpointMilliseconds = 50
        settings.diskReserveBytes = 0
    }

    private static func makeKey(in path: String) throws {
        let key = try SigningKey.generate()
        let pem = try key.pem()
        let directory = try DurableDirectory.create(path: path)
        try directory.replace("key.pem", pem.span)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func open(workers: Int = 1, seen: [SeenCheckpoint] = []) throws -> OpenedLog {
        try AuditLog.open(
            settings: settings,
            options: AuditLogOptions(names: RecordNames(), workerCount: workers, build: "test"),
            seen: seen)
    }

    /// The folder of the log of this id.
    func logFolder(_ id: UInt64) -> String { "\(settings.directory)/\(id.hexText)" }

    /// Starts on the log and stops.
    func restart() throws {
        let writer = try open().start()
        let failure = writer.stop()
        #expect(failure == nil)
    }

    /// The words of all lifecycle records, in their order.
    func events() throws -> [String] {
        try cores(.lifecycle).compactMap { $0.string("event") }
    }

    /// The one log's folder.
    func logFolder() throws -> String {
        let names = try DurableDirectory(path: settings.directory).names().map(\.name)
        precondition(names.count == 1)
        return "\(settings.directory)/\(names[0])"
    }

    func verify(
        _ id: UInt64? = nil, identities: [AgeIdentity] = []
    ) throws -> VerificationReport {
        let folder = try id.map(logFolder) ?? logFolder()
        let key = try SigningKey(pem: try DurableDirectory(path: path).read("key.pem") ?? [])
        let origin = "test.example/proxy/\(folder.split(separator: "/").last ?? "")"
        let verifier = try LogVerifier(
            source: DirectorySource(path: folder),
            key: try NoteKey(name: origin, publicKey: key.publicKey), identities: identities)
        return verifier.verify()
    }

    /// The cores of all records of `kind`, in their order.
    func cores(_ kind: RecordKind) throws -> [CanonicalObject] {
        try parts(kind, 0).map { CanonicalObject($0) }
    }

    /// Part `number` of all records of `kind`, in their order.
    func parts(_ kind: RecordKind, _ number: Int) throws -> [[UInt8]] {
        let source = DirectorySource(path: try logFolder())
        var reader = try FrameReader(library: try CryptoLibrary())
        var parts: [[UInt8]] = []
        var isBegun = false
        for name in source.files(in: LogLayout.segments).sorted()
        where LogLayout.segmentNumber(name) != nil {
            let bytes = source.read("\(LogLayout.segments)/\(name)") ?? []
            if !isBegun, let first = LogLayout.segmentNumber(name) {
                // Of a log whose first segments were deleted, the reader begins with what is left.
                let header = try FrameHeader(bytes.span)
                let clear = FrameHeader.byteCount..<FrameHeader.byteCount + header.clearCount
                let head = try SegmentHead(json: Array(bytes[clear]))
                reader.resume(number: first, previous: header.previous, index: head.firstIndex)
                isBegun = true
            }
            reader.beginSegment()
            var offset = 0
            while let frame = try reader.next(bytes.span, at: offset) {
                offset = frame.end
                guard frame.header.type == .batch else { continue }
                let sealed = Array(bytes[frame.sealed])
                var batch = try SealedBatch(
                    sealed.span, flags: frame.header.flags, identities: identities)
                while let record = try batch.next() {
                    guard record.kind == kind.rawValue else { continue }
                    parts.append(record.part(number))
                }
            }
        }
        return parts
    }

    /// Copies the log's folder.
    func copyLog(to other: TestFolder) throws {
        let manager = FileManager.default
        try? manager.removeItem(atPath: other.path)
        try manager.copyItem(atPath: path, toPath: other.path)
    }
}

/// A log's files on disk.
struct DirectorySource: LogSource {
    let path: String

    func files(in folder: String) -> [String] { names(folder).filter { !$0.isFolder }.map(\.name) }

    func folders(in folder: String) -> [String] { names(folder).filter(\.isFolder).map(\.name) }

    func read(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(self.path)/\(path)").map { [UInt8]($0) }
    }

    private func names(_ folder: String) -> [(name: String, isFolder: Bool)] {
        (try? DurableDirectory(path: path).names(in: folder)) ?? []
    }
}

extension RingProducer {
    /// Pushes records of these sequences and publishes them.
    mutating func record(_ sequences: ClosedRange<UInt64>, worker: UInt16 = 0) {
        let none: [UInt8] = []
        for sequence in sequences {
            var facts = RecordFacts()
            facts.sequence = sequence
            facts.worker = worker
            facts.status = 200
            facts.time = WallTime(microseconds: 1_795_000_000_000_000 + Int64(sequence))
            let isPushed = push(facts, none.span)
            precondition(isPushed)
        }
        publish()
    }
}
