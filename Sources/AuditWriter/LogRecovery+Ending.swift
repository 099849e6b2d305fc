import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// Where the frames of the last segment end, and what lies behind them.
struct SegmentEnding: Equatable {
    /// The segment's file.
    var name: String
    /// Where the last frame ends; 0 for a file without any.
    var offset: Int
    /// Bytes behind it that are part of a frame; nil when there is only room that was made.
    var torn: [UInt8]?
}

extension LogRecovery {
    /// Puts aside what was torn, gives back the room behind the last frame, and cuts off the zeros
    /// that fill it: all of that durably, before another segment begins. A log that is not continued
    /// is left as it is.
    mutating func endSegment(_ folder: borrowing LogFolder) throws {
        guard let ending else { return }
        if let torn = ending.torn {
            try keep(torn, of: ending.name, folder)
            isClean = false
        }
        if ending.offset == 0 {
            // Not even a head: the next segment may have the same name.
            try folder.segments.remove(ending.name)
            try folder.segments.sync()
            isClean = false
        } else {
            let file = try folder.segments.openFile(ending.name)
            try file.truncate(to: UInt64(ending.offset))
            try file.sync()
        }
    }

    private mutating func keep(
        _ torn: [UInt8], of name: String, _ folder: borrowing LogFolder
    ) throws {
        var copy = name + LogLayout.tornEnding
        var number = 1
        while let present = try folder.segments.read(copy), present != torn {
            number += 1
            copy = "\(name)\(LogLayout.tornEnding)\(number)"
        }
        try folder.segments.replace(copy, torn.span)
        events.append(
            .torn(segment: name, bytes: UInt64(torn.count), sha256: hasher.plain(torn.span)))
    }
}
