import AuditSegments
import LinuxIO
import Primitives

/// One log's folder on disk.
struct LogFolder: LogSource, Sendable {
    /// Path of the folder, without a slash at its end.
    let path: String

    /// The log's id: the folder's own name.
    var id: String { String(path.split(separator: "/").last ?? "") }

    /// All logs in `directory`, which may be one itself; the one written to last comes last.
    static func logs(in directory: String) throws(ToolError) -> [LogFolder] {
        let base =
            directory.count > 1 && directory.hasSuffix("/")
            ? String(directory.dropLast()) : directory
        let folder = LogFolder(path: base)
        if folder.isLog { return [folder] }
        let names: [(name: String, isFolder: Bool)]
        do {
            names = try DurableDirectory(path: base).names()
        } catch {
            throw .unreadable(file: base, why: "\(error)")
        }
        let logs = names.filter(\.isFolder).map { LogFolder(path: "\(base)/\($0.name)") }
            .filter(\.isLog)
        guard !logs.isEmpty else { throw .notALog(directory: directory) }
        return logs.map { ($0, $0.lastTime ?? WallTime(microseconds: .min)) }
            .sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// The log `id` in `directory`, or the newest.
    static func one(in directory: String, id: String?) throws(ToolError) -> LogFolder {
        let logs = try logs(in: directory)
        guard let id else { return logs[logs.count - 1] }
        guard let log = logs.first(where: { $0.id == id }) else { throw .noSuchLog(id: id) }
        return log
    }

    /// Whether the folder is a log's: one that lost its segments is one, too.
    private var isLog: Bool {
        !segments.isEmpty || read(LogLayout.checkpoint) != nil
            || !files(in: LogLayout.notes).isEmpty
    }

    /// Numbers of the segments' first frames, in order.
    var segments: [UInt64] {
        files(in: LogLayout.segments).compactMap { LogLayout.segmentNumber($0) }.sorted()
    }

    /// Where the segment lies.
    func segmentPath(_ number: UInt64) -> String {
        "\(path)/\(LogLayout.segments)/\(LogLayout.segmentName(number))"
    }

    /// Whether a process is writing the log now.
    var isBeingWritten: Bool {
        guard let folder = try? DurableDirectory(path: path) else { return false }
        return (try? folder.isClaimed()) ?? false
    }

    /// What the first segment's head says of the log; nil when it is no head.
    func head() -> SegmentHead? {
        guard let first = segments.first else { return nil }
        var reader = SegmentPieces(path: segmentPath(first))
        guard let piece = try? reader.next(), piece.header.type == .head else { return nil }
        return try? SegmentHead(json: piece.clear)
    }

    /// Time of the last record in the last segment that has one.
    private var lastTime: WallTime? {
        for number in segments.reversed() {
            var reader = SegmentPieces(path: segmentPath(number))
            var last: WallTime?
            while let piece = try? reader.next(sealed: false) {
                guard piece.header.type == .batch else { continue }
                last = (try? BatchHeader(clear: piece.clear.span))?.lastTime ?? last
            }
            if let last { return last }
        }
        return nil
    }

    // MARK: LogSource

    func files(in folder: String) -> [String] { names(folder, folders: false) }
    func folders(in folder: String) -> [String] { names(folder, folders: true) }

    func read(_ file: String) -> [UInt8]? {
        guard let folder = try? DurableDirectory(path: path) else { return nil }
        return (try? folder.read(file)) ?? nil
    }

    private func names(_ folder: String, folders: Bool) -> [String] {
        guard let names = try? DurableDirectory(path: "\(path)/\(folder)").names() else {
            return []
        }
        return names.filter { $0.isFolder == folders }.map(\.name)
    }
}

/// Reads a segment frame by frame, so that memory is that of one frame.
///
/// It believes lengths and nothing else: proving is the verifier's.
struct SegmentPieces: Sendable {
    struct Piece {
        let offset: UInt64
        let header: FrameHeader
        let clear: [UInt8]
        let sealed: [UInt8]
    }

    let path: String
    /// Where the next frame begins.
    private(set) var offset: UInt64 = 0
    /// Where nothing but zeros was found up to the end of the file.
    private var zerosFrom: UInt64?

    init(path: String, offset: UInt64 = 0) {
        self.path = path
        self.offset = offset
    }

    /// The next whole frame; nil where there is none (yet).
    ///
    /// - Parameter sealed: False leaves the sealed bytes out.
    mutating func next(sealed: Bool = true) throws(ToolError) -> Piece? {
        do {
            let file = try ReadableFile(path: path)
            let size = try file.size()
            let start = try file.read(at: offset, count: FrameHeader.byteCount)
            guard start.count == FrameHeader.byteCount else { return nil }
            if start.span.countWithoutTrailingZeros == 0, try isRestZeros(file, size) {
                return nil
            }
            let header: FrameHeader
            do {
                header = try FrameHeader(start.span)
            } catch {
                throw ToolError.unreadable(file: path, why: "no frame at byte \(offset): \(error)")
            }
            guard offset + UInt64(header.frameCount) <= size else { return nil }
            let count = header.clearCount + (sealed ? header.sealedCount : 0)
            let body = try file.read(at: offset + UInt64(FrameHeader.byteCount), count: count)
            guard body.count == count else { return nil }
            let piece = Piece(
                offset: offset, header: header, clear: Array(body[..<header.clearCount]),
                sealed: Array(body[header.clearCount...]))
            offset += UInt64(header.frameCount)
            return piece
        } catch let error as SystemError {
            throw .unreadable(file: path, why: "\(error)")
        } catch let error as ToolError {
            throw error
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
    }

    /// Whether the rest of the file is what it was filled with before it was written to.
    ///
    /// Whoever follows a log asks again and again: where it was looked once, the beginning does.
    private mutating func isRestZeros(
        _ file: borrowing ReadableFile, _ size: UInt64
    ) throws(SystemError) -> Bool {
        if zerosFrom == offset { return true }
        var position = offset
        while position < size {
            let bytes = try file.read(at: position, count: SegmentPieces.zeroBytes)
            guard !bytes.isEmpty else { break }
            guard bytes.span.countWithoutTrailingZeros == 0 else { return false }
            position += UInt64(bytes.count)
        }
        zerosFrom = offset
        return true
    }

    private static let zeroBytes = 1 << 20
}
