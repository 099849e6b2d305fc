import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// Where an auditor asks a verification to begin.
enum RequestedScope {
    case whole
    case sinceIndex(UInt64)
    case sinceTime(WallTime)
    case resumed([VerifiedPrefix])

    /// An index, or a time as people write it.
    init(_ text: String, now: WallTime) throws(ToolError) {
        if let index = UInt64(text) {
            self = .sinceIndex(index)
        } else {
            self = .sinceTime(try Timestamp.parse(text, now: now))
        }
    }

    /// What that means for the log in `folder`.
    func of(_ folder: LogFolder, key: NoteKey) throws(ToolError) -> VerificationScope {
        switch self {
        case .whole: return .whole
        case .sinceIndex(let index):
            let segment = folder.segments.last { folder.firstIndex(of: $0) ?? .max <= index }
            return segment.map { .since(segment: $0) } ?? .whole
        case .sinceTime(let time):
            // Clocks step back: the first segment that has a record of that time or later.
            let segment = folder.segments.first { folder.lastTime(of: $0) ?? time >= time }
            return (segment ?? folder.segments.last).map { .since(segment: $0) } ?? .whole
        case .resumed(let prefixes):
            guard let prefix = prefixes.first(where: { $0.origin == key.name }) else {
                return .whole
            }
            guard prefix.verifierKey == key.text else {
                throw .stateOfOtherKey(origin: key.name)
            }
            return .resumed(prefix)
        }
    }
}

/// A file that remembers what verifications have proven, one prefix for each log.
struct VerificationState {
    private let path: String
    private(set) var prefixes: [VerifiedPrefix] = []
    private var lastSaved = Instant.zero
    private var isChanged = false

    private static let limitBytes = 1 << 26
    private static let format: Int64 = 1
    /// A verification that is killed loses what it proved since the state was last written.
    private static let pauseNanoseconds: UInt64 = 5_000_000_000

    /// The state in the file at `path`; nothing when there is no such file yet.
    init(_ path: String) throws(ToolError) {
        self.path = path
        lastSaved = SystemClock.monotonic()
        let bytes: [UInt8]
        do {
            bytes = try ReadableFile(path: path).read(at: 0, count: VerificationState.limitBytes)
        } catch {
            guard error.isMissingFile else { throw .unreadable(file: path, why: "\(error)") }
            return
        }
        let text = CanonicalObject(Array(bytes.dropLast()))
        guard text.integer("format") == VerificationState.format,
            let logs = text.objects("logs")
        else { throw .unreadable(file: path, why: "it is not the state of a verification") }
        prefixes = logs.compactMap { VerifiedPrefix(json: $0) }
        guard prefixes.count == logs.count, bytes == json else {
            throw .unreadable(file: path, why: "it is not the state of a verification")
        }
    }

    /// Where to go on.
    var scope: RequestedScope { .resumed(prefixes) }

    /// Takes over what a verification has proven, and writes it down now and then.
    mutating func keep(_ prefix: VerifiedPrefix) throws(ToolError) {
        prefixes.removeAll { $0.origin == prefix.origin }
        prefixes.append(prefix)
        isChanged = true
        let now = SystemClock.monotonic()
        guard now.nanoseconds(since: lastSaved) >= VerificationState.pauseNanoseconds else {
            return
        }
        try save()
        lastSaved = now
    }

    /// Writes what has changed, all or nothing.
    mutating func save() throws(ToolError) {
        guard isChanged else { return }
        try Output.write(json, to: path)
        isChanged = false
    }

    private var json: [UInt8] {
        CanonicalValue.object([
            "format": .integer(VerificationState.format), "logs": .array(prefixes.map(\.value)),
        ]).bytes + [.lineFeed]
    }
}

extension LogFolder {
    /// Index of the first record that the segment or a later one holds; nil without a head.
    func firstIndex(of segment: UInt64) -> UInt64? {
        var reader = SegmentPieces(path: segmentPath(segment))
        guard let piece = try? reader.next(sealed: false), piece.header.type == .head else {
            return nil
        }
        return (try? SegmentHead(json: piece.clear))?.firstIndex
    }

    /// Latest time of a record in the segment; nil when it has none.
    func lastTime(of segment: UInt64) -> WallTime? {
        var reader = SegmentPieces(path: segmentPath(segment))
        var last: WallTime?
        while let piece = try? reader.next(sealed: false) {
            guard piece.header.type == .batch,
                let header = try? BatchHeader(clear: piece.clear.span)
            else { continue }
            last = max(last ?? header.lastTime, header.lastTime)
        }
        return last
    }
}
