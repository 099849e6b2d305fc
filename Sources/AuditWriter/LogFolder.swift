import AuditSegments
import LinuxIO
import Primitives

/// The folder of one log, with those of its folders that are written to kept open (format §1).
struct LogFolder: ~Copyable, Sendable {
    private(set) var root: DurableDirectory
    private(set) var segments: DurableDirectory
    private(set) var served: DurableDirectory
    private(set) var notes: DurableDirectory
    /// Where the folder was opened.
    private let path: String
    /// Name of the notes file that was written last.
    private var lastNotes = ""
    /// The notes file that refused a note, and where that note begins in it.
    private var unfinished: (name: String, size: UInt64)?
    /// Whether the folder of notes was removed: what it held is in the frames.
    private(set) var areNotesLost = false
    /// What the disk is asked with whether it takes something.
    private static let probeName = "probe" + DurableDirectory.temporaryEnding
    /// From so many tiles on, one sync of the file system is cheaper than one for each file.
    private static let syncedFiles = 6

    init(_ root: consuming DurableDirectory, path: String) throws(SystemError) {
        let newSegments = try root.folder(LogLayout.segments, create: true)
        let newServed = try root.folder(LogLayout.served, create: true)
        let newNotes = try root.folder(LogLayout.notes, create: true)
        segments = newSegments
        served = newServed
        notes = newNotes
        self.root = root
        self.path = path
    }

    /// Makes those of the folders again that were removed. One that was moved is followed.
    mutating func revive() throws(SystemError) {
        if try root.isRemoved() {
            root = try DurableDirectory.create(path: path)
            announceWriting()
        }
        if try segments.isRemoved() {
            segments = try root.folder(LogLayout.segments, create: true)
        }
        if try served.isRemoved() { served = try root.folder(LogLayout.served, create: true) }
        if try notes.isRemoved() {
            notes = try root.folder(LogLayout.notes, create: true)
            areNotesLost = true
        }
    }

    /// Notes the checkpoints of all frames down again, after their folder was lost.
    mutating func refillNotes(on time: WallTime) throws(SystemError) {
        var found: [UInt8] = []
        for (name, _) in try segments.names() where LogLayout.segmentNumber(name) != nil {
            let bytes = try segments.read(name) ?? []
            var offset = 0
            while let header = try? FrameHeader(bytes.span.extracting(droppingFirst: offset)),
                offset + header.frameCount <= bytes.count
            {
                let clear = offset + FrameHeader.byteCount
                if header.type == .checkpoint { found += bytes[clear..<clear + header.clearCount] }
                offset += header.frameCount
            }
        }
        lastNotes = LogFolder.notesName(time)
        unfinished = nil
        try notes.replace(lastNotes, found.span)
        areNotesLost = false
    }

    /// Writes `byteCount` bytes durably, and removes them again.
    borrowing func probe(byteCount: Int) throws(SystemError) {
        let bytes = [UInt8](repeating: 0, count: byteCount)
        defer { try? root.remove(LogFolder.probeName) }
        try root.stage("probe", bytes.span, sync: true)
        // A name in the folder of segments is what the next one needs.
        try segments.sync()
    }

    /// Lets readers know that the log is being written, for as long as the folder is open.
    ///
    /// The log's parent is what keeps a second process away; here a reader that is asking at this
    /// moment must not keep the first one from starting.
    borrowing func announceWriting() {
        _ = try? root.claim()
    }

    /// Stores `tiles` durably: temporary file, sync, rename, and the folder's sync.
    ///
    /// - Parameter stored: Entries whose tiles this process has stored already.
    borrowing func storeTiles(
        _ tiles: [(path: TilePath, bytes: [UInt8])], since stored: UInt64 = 0
    ) throws(SystemError) {
        guard !tiles.isEmpty else { return }
        let isMany = tiles.count > LogFolder.syncedFiles
        var folders: Set<String> = []
        for tile in tiles {
            let text = tile.path.text
            let folder = LogFolder.parent(of: text)
            if folders.insert(folder).inserted { try served.makeFolders(folder) }
            try served.stage(text, tile.bytes.span, sync: !isMany)
        }
        if isMany { try served.syncFileSystem() }
        for tile in tiles { try served.commit(tile.path.text) }
        if isMany {
            try served.syncFileSystem()
        } else {
            for folder in folders { try served.folder(folder).sync() }
        }
        // The partial versions of a tile that is whole now serve nobody.
        for tile in tiles where LogFolder.mayHavePartials(tile.path, stored) {
            try served.removeFolder(tile.path.partialFolder)
        }
    }

    /// Whether partial versions of a whole tile may exist, when those of `stored` entries do.
    private static func mayHavePartials(_ path: TilePath, _ stored: UInt64) -> Bool {
        guard path.isWhole else { return false }
        let hashes = stored >> UInt64((path.level ?? 0) * HashTree.tileHeight)
        return stored == 0 || path.index == hashes / UInt64(HashTree.tileWidth)
    }

    /// Names of the files in the folder of a tile's partial versions.
    borrowing func storedWidths(_ path: TilePath) throws(SystemError) -> [String] {
        try served.names(in: path.partialFolder).map(\.name)
    }

    /// Appends a note to the file of the day, durably.
    ///
    /// Notes stay in the order in which they were signed, also when the clock was set back over
    /// midnight: then they go into the last day's file.
    mutating func appendNote(_ note: [UInt8], on time: WallTime) throws(SystemError) {
        if lastNotes.isEmpty { lastNotes = try notesFiles().last ?? "" }
        lastNotes = unfinished?.name ?? max(lastNotes, LogFolder.notesName(time))
        let file = try notes.openFile(lastNotes, create: true)
        let present = try file.size()
        // Of a note that was refused a part may be there.
        let size = min(unfinished?.size ?? present, present)
        unfinished = (lastNotes, size)
        if present > size { try file.truncate(to: size) }
        try file.write(note.span, at: size)
        try file.sync()
        if size == 0 { try notes.sync() }
        unfinished = nil
    }

    /// Names of the notes files, in order.
    borrowing func notesFiles() throws(SystemError) -> [String] {
        try notes.names().map(\.name).filter { name in
            name.utf8.count == 14 && name.hasSuffix(".notes")
                && name.utf8.prefix(8).allSatisfy { (0x30...0x39).contains($0) }
        }
    }

    /// Puts `note` where readers look for the log's checkpoint.
    borrowing func publish(_ note: [UInt8]) throws(SystemError) {
        try served.replace("checkpoint", note.span)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    /// `YYYYMMDD.notes`, in UTC.
    static func notesName(_ time: WallTime) -> String {
        let date = CivilDate(time)
        return "\(padded(date.year, 4))\(padded(date.month, 2))\(padded(date.day, 2)).notes"
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
