import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Where tools that read the log on its own host say so (audit log format §2, kind 10).
///
/// In the log's folder lie `access.sock`, at which the proxy listens while it runs, and the folder
/// `access` with `host`, which tells the log from a copy of it, and with what tools left while
/// nobody listened. Members of the folder's group may write there, as they may read the log.
enum AccessPoint {
    /// Most notices that one start takes in.
    private static let limitNotices = 4096
    private static let socketMode: UInt32 = 0o660

    /// Listens at the log's socket.
    static func listen(in root: borrowing DurableDirectory) throws(SystemError) -> LocalListener {
        try LocalListener(in: root, name: LogLayout.accessSocket, mode: socketMode)
    }

    /// Makes the folder for notices, and says in it which folder of which host this is.
    static func prepare(in root: borrowing DurableDirectory) throws {
        try root.makeSharedFolder(LogLayout.access)
        var hash = try SHA256(try CryptoLibrary())
        let identity = try root.identity()
        let mark = AccessMark.text(
            machine: FolderIdentity.machine(), device: identity.device, inode: identity.inode,
            hash: &hash)
        if try root.read(LogLayout.accessHost) != mark {
            try root.replace(LogLayout.accessHost, mark.span)
        }
    }

    /// The reads that tools noted while nobody listened, each with its file's name. The owner of
    /// a file is who left it; what can't be read is somebody's all the same.
    static func notices(
        in root: borrowing DurableDirectory
    ) throws(SystemError) -> [(name: String, event: AccountableEvent)] {
        let folder = try root.folder(LogLayout.access)
        var found: [(name: String, event: AccountableEvent)] = []
        for (name, isFolder) in try folder.names() where !isFolder && name != LogLayout.hostName {
            guard found.count < limitNotices else { break }
            let file = try folder.readForeign(name, limitBytes: LocalRequest.limitBytes)
            found.append((name, event(file)))
        }
        return found
    }

    private static func event(_ file: ForeignFile?) -> AccountableEvent {
        let requester = Requester(user: file?.user ?? 0, group: file?.group ?? 0, process: 0)
        let asked = file.map { WallTime(microseconds: $0.microseconds) }
        if let bytes = file?.bytes,
            case .access(let tool, let range)? = try? LocalRequest(bytes, at: .log)
        {
            return .access(command: tool, range: range, by: requester, asked: asked)
        }
        return .access(command: "unknown", range: "", by: requester, asked: asked)
    }

    /// Removes notices that are durable in the log.
    static func remove(
        _ names: [String], in root: borrowing DurableDirectory
    ) throws(SystemError) {
        guard !names.isEmpty else { return }
        let folder = try root.folder(LogLayout.access)
        for name in names { try folder.remove(name) }
        try folder.sync()
    }
}

extension LogWriter {
    /// Records the reads that were noted while nobody wrote the log.
    mutating func takeNotices(now: Instant, wall: WallTime) throws(AuditWriterError) {
        do {
            try AccessPoint.prepare(in: folder.root)
            let notices = try AccessPoint.notices(in: folder.root)
            guard !notices.isEmpty else { return }
            for notice in notices { try add(notice.event, now: now, wall: wall) }
            try flush(now: now, wall: wall)
            try AccessPoint.remove(notices.map(\.name), in: folder.root)
        } catch {
            throw AuditWriterError(keyring: error)
        }
    }
}

extension OpenedLog {
    /// Listens where tools that read the log on this host say so.
    public borrowing func listenForReaders() throws(SystemError) -> LocalListener {
        try AccessPoint.listen(in: writer.folder.root)
    }
}
