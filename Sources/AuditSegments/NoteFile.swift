import Primitives

/// A file of signed notes, one after the other (format §1, `notes/`).
public enum NoteFile {
    /// Each note's bytes. A last one that is cut comes as it is.
    public static func notes(in bytes: [UInt8]) -> [[UInt8]] {
        var notes: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = end(bytes, from: start)
            notes.append(Array(bytes[start..<end]))
            start = end
        }
        return notes
    }

    /// Position after the note that begins at `start`: its text, a blank line, signature lines.
    static func end(_ bytes: [UInt8], from start: Int) -> Int {
        var position = start
        var isAfterBlank = false
        while position < bytes.count {
            let lineEnd = bytes[position...].firstIndex(of: .lineFeed) ?? bytes.count - 1
            if isAfterBlank, bytes[position] != 0xE2 { return position }
            if lineEnd == position { isAfterBlank = true }
            position = lineEnd + 1
        }
        return position
    }
}
