import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Says that the log is being read, before it is, where it is written: an access is a record, too.
///
/// The proxy that runs takes the word at the log's socket; one that does not finds it in the
/// folder `access` when it starts. A copy of the log knows nothing of it. Whoever reads the files
/// without this tool is not seen: that is for the host's own auditing.
enum AccessReport {
    private static let patienceNanoseconds: UInt64 = 10_000_000_000
    private static let answerBytes = 1 << 16

    /// Reports that `tool` reads `logs`; `range` says which records, not whose.
    static func note(_ tool: String, _ range: [String], of logs: [LogFolder]) {
        for log in logs {
            do {
                try note(LocalRequest.access(tool: tool, range: text(range)), of: log)
            } catch {
                Console.complain("this access is not recorded: \(error)")
            }
        }
    }

    /// What was asked for, one after the other, cut at the longest.
    private static func text(_ range: [String]) -> String {
        let text = range.joined(separator: " ")
        return String(decoding: text.utf8.prefix(LocalRequest.limitReasonBytes - 3), as: UTF8.self)
    }

    private static func note(_ request: LocalRequest, of log: LogFolder) throws {
        let folder = try DurableDirectory(path: log.path)
        guard try isOriginal(folder) else { return }
        if try tell(request, folder) { return }
        let access = try folder.folder(LogLayout.access)
        let time = UInt64(clamping: SystemClock.wall().microseconds)
        let name = "\(time)-\(LocalPeer.ownProcess)"
        let file = try access.createFile(name)
        try file.write(request.line.span, at: 0)
        try file.sync()
        try access.sync()
    }

    /// Whether this is the folder that is written to, and no copy of it.
    private static func isOriginal(_ folder: borrowing DurableDirectory) throws -> Bool {
        // Whoever may not look into `access` may not leave a word there either.
        guard let mark = try folder.read(LogLayout.accessHost) else { return false }
        var hash = try SHA256(try CryptoLibrary())
        let identity = try folder.identity()
        return mark
            == AccessMark.text(
                machine: FolderIdentity.machine(), device: identity.device,
                inode: identity.inode, hash: &hash)
    }

    /// Tells the proxy; false when none listens, or it could not record it.
    private static func tell(
        _ request: LocalRequest, _ folder: borrowing DurableDirectory
    ) throws -> Bool {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: patienceNanoseconds)
        do throws(SystemError) {
            let stream = try LocalStream.connect(in: folder, name: LogLayout.accessSocket)
            try stream.writeLine(request.line, until: deadline)
            let answer = try stream.readLine(limitBytes: answerBytes, until: deadline)
            return CanonicalObject(answer ?? []).boolean("ok") == true
        } catch {
            return false
        }
    }
}
