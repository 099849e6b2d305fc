import AuditSegments
import LinuxIO
import Primitives

/// The files that segments are written into.
extension LogFolder {
    /// The file of the segment whose first frame is `number`, which nothing is written to: the
    /// spare when one is ready, else a new one.
    ///
    /// - Parameter reserve: Room that is set aside for it.
    borrowing func makeSegment(
        _ number: UInt64, reserve: UInt64, spares: SpareRoom
    ) throws(AuditWriterError) -> DurableFile {
        let name = LogLayout.segmentName(number)
        do throws(SystemError) {
            // What is left of an attempt that failed before its head holds nothing.
            if let bytes = try segments.read(name), bytes.span.countWithoutTrailingZeros == 0 {
                try segments.remove(name)
            }
            let made = try openSegment(name, spares)
            made.reserve(reserve)
            try segments.sync()
            return made
        } catch {
            throw .system(error)
        }
    }

    private borrowing func openSegment(
        _ name: String, _ spares: SpareRoom
    ) throws(SystemError) -> DurableFile {
        // A file of that name that holds something is never replaced.
        if try segments.identity(of: name) == nil, let spare = spares.take(),
            let place = try? root.folder(LogLayout.spare),
            let made = spare.become(name, in: segments, from: place)
        {
            return made
        }
        return try segments.createFile(name)
    }
}
