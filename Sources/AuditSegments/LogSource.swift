/// The files of one log, as the verifier reads them. Paths are relative to the log's folder.
public protocol LogSource {
    /// Names of the files directly in `folder`, in any order; none when there is no such folder.
    func files(in folder: String) -> [String]
    /// Names of the folders directly in `folder`, in any order.
    func folders(in folder: String) -> [String]
    /// The bytes of a file; nil when it is missing or can't be read.
    func read(_ path: String) -> [UInt8]?
}

extension LogSource {
    /// The bytes of a tile, from one as wide or wider; nil when there is none.
    public func tile(_ path: TilePath) -> [UInt8]? {
        let count = path.width * (path.level == nil ? 2 + TreeHasher.entryBytes : 32)
        let whole = TilePath(level: path.level, index: path.index, width: HashTree.tileWidth)
        if let bytes = read("\(LogLayout.served)/\(path.text)") {
            return Array(bytes.prefix(count))
        }
        if let bytes = read("\(LogLayout.served)/\(whole.text)") {
            return Array(bytes.prefix(count))
        }
        // The writer replaces a partial tile by a wider one.
        let partial = "\(LogLayout.served)/\(path.partialFolder)"
        for width in files(in: partial).compactMap({ Int($0) }).sorted() where width >= path.width {
            if let bytes = read("\(partial)/\(width)") { return Array(bytes.prefix(count)) }
        }
        return nil
    }
}

/// Where a log's files lie in its folder (format §1).
public enum LogLayout {
    /// Folder of the segments.
    public static let segments = "segments"
    /// Folder of files that the log will need: nothing in them is evidence.
    public static let spare = "spare"
    /// What the next segment is written into, filled with zeros.
    public static let spareSegment = "next"
    /// Room that is given up when there is no other.
    public static let spareRoom = "reserve"
    /// Folder of what is served: the checkpoint and the tiles.
    public static let served = "tlog"
    /// The published checkpoint.
    public static let checkpoint = "tlog/checkpoint"
    /// Folder of the tiles.
    public static let tiles = "tlog/tile"
    /// Folder of checkpoints with cosignatures, one for each witness: the newest.
    public static let cosigned = "tlog/witness"
    /// Folder of every checkpoint ever signed.
    public static let notes = "notes"
    /// Where tools that read the log on its own host say so, while it is written.
    public static let accessSocket = "access.sock"
    /// Folder of what they left while it was not.
    public static let access = "access"
    /// Which folder of which host this log is; a copy is another.
    public static let accessHost = "access/host"
    /// Its name in the folder.
    public static let hostName = "host"
    /// Ending of a segment's name.
    public static let segmentEnding = ".alog"
    /// Ending of the name of a torn tail that recovery put aside; a number may follow.
    public static let tornEnding = ".torn"
    /// Ending of the name of a file that is being written.
    public static let temporaryEnding = ".tmp"

    /// The newest checkpoint that the witness of `key` cosigned.
    public static func cosigned(by key: WitnessKey) -> String {
        "\(cosigned)/\(key.identifierText)"
    }

    /// Name of the segment whose first frame has this number.
    public static func segmentName(_ number: UInt64) -> String {
        number.twentyDigits + segmentEnding
    }

    /// Number of the first frame of the segment `name`; nil for other files.
    public static func segmentNumber(_ name: String) -> UInt64? {
        guard name.hasSuffix(segmentEnding) else { return nil }
        let digits = name.dropLast(segmentEnding.count)
        guard digits.utf8.count == 20, let number = UInt64(digits) else { return nil }
        return segmentName(number) == name ? number : nil
    }
}
