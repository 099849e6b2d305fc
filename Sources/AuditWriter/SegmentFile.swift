import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The one segment that is written to: where it ends, and what the next frame has to name.
///
/// A frame counts once it is durable: `pwrite`, `fdatasync`, a look at the name, then the numbers
/// move on. After a failure they still say what is durable, so that another segment can go on.
struct SegmentFile: ~Copyable {
    let name: String
    /// Number of the next frame, and the hash that it names.
    private(set) var nextNumber: UInt64
    private(set) var previous: Digest256
    /// Bytes that are durable.
    private(set) var size: UInt64 = 0
    /// When the segment was begun.
    let since: Instant
    /// What its head says of the segment before.
    let before: Predecessor
    /// Whether its seal is durable.
    private(set) var isSealed = false
    /// Whether the file refused a frame: it takes no other.
    private(set) var isSpent = false
    private var file: DurableFile
    private var identity: FileIdentity
    /// Over every durable byte.
    private var digest: SHA256

    private static let copyBytes = 1 << 20

    /// The end of the segment before.
    struct Predecessor {
        /// SHA-256 of it, all zero when there is none.
        var digest: Digest256
        /// Whether it was sealed.
        var isClean: Bool
    }

    /// Begins the segment of which the frame `number` is the first, in a file that was made for it
    /// (`LogFolder.makeSegment`).
    init(
        _ made: consuming DurableFile, number: UInt64, previous: Digest256,
        before: Predecessor, now: Instant, library: borrowing CryptoLibrary
    ) throws(AuditWriterError) {
        var sha = try SegmentFile.digest(library)
        sha.begin()
        let newIdentity: FileIdentity
        do throws(SystemError) { newIdentity = try made.identity() } catch { throw .system(error) }
        name = LogLayout.segmentName(number)
        nextNumber = number
        self.previous = previous
        self.before = before
        since = now
        file = made
        identity = newIdentity
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

    /// Appends a frame that was made for `nextNumber` and `previous`, durably.
    ///
    /// - Throws: What the disk refused: the file is spent. `ENOENT` when the name doesn't lead to
    ///   the file: what is durable in a file that nobody can open is lost all the same.
    mutating func append(
        _ frame: Span<UInt8>, digest frameDigest: Digest256,
        in directory: borrowing DurableDirectory, isSeal: Bool = false
    ) throws(SystemError) {
        precondition(!isSpent && !isSealed)
        isSpent = true
        try file.write(frame, at: size)
        try file.syncData()
        isSpent = false
        guard try loss(in: directory) == nil else { throw SystemError.missingFile("fstatat") }
        size += UInt64(frame.count)
        nextNumber += 1
        previous = frameDigest
        isSealed = isSeal
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

    /// What the head of the next segment says of this one; of one without a head, what its own says.
    borrowing func predecessor(isClean: Bool) throws(AuditWriterError) -> Predecessor {
        guard size > 0 else { return before }
        return Predecessor(digest: try contentDigest(), isClean: isClean)
    }

    /// Takes away what the file was filled with, so that its seal is the end of it.
    borrowing func cut() throws(SystemError) {
        try file.truncate(to: size)
    }

    /// Ends the file at its last durable frame; what could not be written is not to be found there.
    borrowing func close() throws(SystemError) {
        try file.truncate(to: size)
        try file.sync()
    }

    // MARK: The name

    /// Where the name leads to, when not to this file; nil when all is well.
    borrowing func loss(
        in directory: borrowing DurableDirectory
    ) throws(SystemError) -> SegmentLoss? {
        guard let found = try directory.identity(of: name) else { return .removed }
        return found == identity ? nil : .replaced
    }

    /// Puts the durable bytes back under the name, which led elsewhere.
    ///
    /// - Returns: `renamed` when the file was still in the folder.
    mutating func restore(
        after loss: SegmentLoss, in directory: borrowing DurableDirectory,
        _ library: borrowing CryptoLibrary
    ) throws(AuditWriterError) -> SegmentLoss {
        var found = loss
        do throws(SystemError) {
            for other in try directory.names() where !other.isFolder {
                guard try directory.identity(of: other.name) == identity else { continue }
                try directory.rename(other.name, to: name)
                found = .renamed
                break
            }
        } catch {
            throw .writeRefused(error)
        }
        // Whoever moved the file may have changed it, or may hold it open: a copy is ours alone.
        try rewrite(in: directory, library)
        return found
    }

    /// Copies the durable bytes into another file, which takes the name and the next frames.
    ///
    /// - Throws: `segmentDiffers` when the bytes are not those that were made durable: then nothing
    ///   that is written behind them could be believed.
    mutating func rewrite(
        in directory: borrowing DurableDirectory, _ library: borrowing CryptoLibrary
    ) throws(AuditWriterError) {
        let expected = try contentDigest()
        let copy = try SegmentFile.copy(
            file, size: size, digest: expected, as: name, in: directory, library)
        do throws(SystemError) { identity = try copy.identity() } catch {
            throw .writeRefused(error)
        }
        file = copy
        isSpent = false
    }

    private static func copy(
        _ file: borrowing DurableFile, size: UInt64, digest: Digest256, as name: String,
        in directory: borrowing DurableDirectory, _ library: borrowing CryptoLibrary
    ) throws(AuditWriterError) -> DurableFile {
        var sha = try SegmentFile.digest(library)
        sha.begin()
        let temporary = name + DurableDirectory.temporaryEnding
        do {
            try directory.remove(temporary)
            let copy = try directory.createFile(temporary)
            var done: UInt64 = 0
            while done < size {
                let count = Int(min(size - done, UInt64(SegmentFile.copyBytes)))
                let bytes = try file.read(at: done, count: count)
                guard !bytes.isEmpty else { break }
                try copy.write(bytes.span, at: done)
                sha.update(bytes.span)
                done += UInt64(bytes.count)
            }
            guard try sha.soFar() == digest else { throw AuditWriterError.segmentDiffers(name) }
            try copy.sync()
            try directory.rename(temporary, to: name)
            try directory.sync()
            return copy
        } catch let error as SystemError {
            throw .writeRefused(error)
        } catch let error as CryptoError {
            throw .cryptography(error)
        } catch let error as AuditWriterError {
            throw error
        } catch {
            throw .evidence(.cryptographyFailed)
        }
    }
}
