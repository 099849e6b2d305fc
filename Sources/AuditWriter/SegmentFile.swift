import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The one segment that is written to: where it ends, and what the next frame has to name.
///
/// A frame counts once it is durable: `pwrite`, `fdatasync`, then the numbers move on. After a
/// failure they still say what is durable, so that another segment can go on from there.
struct SegmentFile: ~Copyable {
    let name: String
    /// Number of the next frame, and the hash that it names.
    private(set) var nextNumber: UInt64
    private(set) var previous: Digest256
    /// Bytes that are durable.
    private(set) var size: UInt64 = 0
    /// When the segment was begun.
    let since: Instant
    private let file: DurableFile
    /// Over every durable byte.
    private var digest: SHA256

    /// Begins the segment of which the frame `number` is the first.
    init(
        in directory: borrowing DurableDirectory, number: UInt64, previous: Digest256,
        reserve: UInt64, now: Instant, library: borrowing CryptoLibrary
    ) throws(AuditWriterError) {
        let newName = LogLayout.segmentName(number)
        let made = try SegmentFile.make(newName, in: directory, reserve: reserve)
        var sha = try SegmentFile.digest(library)
        sha.begin()
        name = newName
        nextNumber = number
        self.previous = previous
        since = now
        file = made
        digest = sha
    }

    private static func digest(
        _ library: borrowing CryptoLibrary
    ) throws(AuditWriterError) -> SHA256 {
        do {
            return try SHA256(library)
        } catch {
            throw .cryptography(error)
        }
    }

    private static func make(
        _ name: String, in directory: borrowing DurableDirectory, reserve: UInt64
    ) throws(AuditWriterError) -> DurableFile {
        do {
            let made = try directory.createFile(name)
            made.reserve(reserve)
            try directory.sync()
            return made
        } catch {
            throw .system(error)
        }
    }

    /// Appends a frame that was made for `nextNumber` and `previous`, durably.
    mutating func append(
        _ frame: Span<UInt8>, digest frameDigest: Digest256
    ) throws(SystemError) {
        try file.write(frame, at: size)
        try file.syncData()
        // What is durable in a file that nobody can open is lost all the same (format §7 row 8).
        guard try file.isLinked() else { throw SystemError.missingFile("pwrite") }
        size += UInt64(frame.count)
        nextNumber += 1
        previous = frameDigest
        digest.update(frame)
    }

    /// SHA-256 of every durable byte.
    borrowing func contentDigest() throws(AuditWriterError) -> Digest256 {
        do {
            return try digest.soFar()
        } catch {
            throw .cryptography(error)
        }
    }

    /// Ends the file at its last durable frame; what could not be written is not to be found there.
    borrowing func close() throws(SystemError) {
        try file.truncate(to: size)
        try file.sync()
    }
}
