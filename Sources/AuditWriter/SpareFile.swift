import AuditSegments
import LinuxIO
import Primitives

/// The file that the next segment is written into, as far as it is filled with zeros.
///
/// A write into bytes that the disk has already changes nothing but them, so that its sync writes
/// no size and no map of blocks. The zeros are written, not only allocated: blocks that were never
/// written have to be marked as written by the first sync, which is what is to be saved.
struct SpareFile: ~Copyable, Sendable {
    let file: DurableFile
    /// Bytes that are filled and durable.
    private(set) var byteCount: UInt64 = 0

    /// Filled by so much at a time, each durably, so that no sync of the writer waits for more.
    static let stepBytes: UInt64 = 1 << 20
    /// Segments that are larger grow from here on: as much again would be taken by the spare.
    static let limitBytes: UInt64 = 256 << 20

    /// Begins with an empty file in `folder`, in the place of what another process left there.
    init(in folder: borrowing DurableDirectory) throws(SystemError) {
        try folder.remove(LogLayout.spareSegment)
        file = try folder.createFile(LogLayout.spareSegment)
    }

    /// Fills the file up to `target` bytes, or a step of it.
    mutating func fill(upTo target: UInt64) throws(SystemError) {
        let count = min(target - min(target, byteCount), SpareFile.stepBytes)
        let zeros = [UInt8](repeating: 0, count: Int(count))
        try file.write(zeros.span, at: byteCount)
        try file.sync()
        byteCount += count
    }

    /// Moves the file to `name` in `segments`; nil when it is not there any more.
    ///
    /// Where the names lie after a crash, one of the two or both, does not matter: a last segment
    /// of zeros is none, and what is left in `folder` is removed before another is made.
    consuming func become(
        _ name: String, in segments: borrowing DurableDirectory,
        from folder: borrowing DurableDirectory
    ) -> DurableFile? {
        guard let own = try? file.identity(),
            let found = try? folder.identity(of: LogLayout.spareSegment), found == own
        else { return nil }
        do throws(SystemError) {
            try folder.move(LogLayout.spareSegment, to: name, in: segments)
        } catch {
            return nil
        }
        return file
    }
}
