import HTTP
import Primitives

/// Writes the field lines that are kept, in canonical form: name, colon, space, value, CRLF.
///
/// A line that came in exactly that form is its own canonical form; a run of such lines is
/// written with one copy. Any other line is written from its parts.
struct FieldRun: ~Copyable {
    /// The run that is not written yet, as positions in the message's bytes.
    private var start = 0
    private var end = 0

    /// Keeps `field` of the message in `bytes`.
    mutating func append(_ field: Field, of bytes: Span<UInt8>, to writer: inout ByteWriter) {
        let nameEnd = field.name.upper
        let valueEnd = field.value.upper
        // Behind each value stand at least the CRLF of its line and that of the head.
        if field.value.lower == nameEnd &+ 2, bytes[nameEnd &+ 1] == .space,
            bytes[valueEnd] == .carriageReturn, bytes[valueEnd &+ 1] == .lineFeed
        {
            if field.name.lower != end {
                flush(bytes, to: &writer)
                start = field.name.lower
            }
            end = valueEnd &+ 2
            return
        }
        flush(bytes, to: &writer)
        writer.append(bytes.extracting(field.name))
        writer.append(": ")
        writer.append(bytes.extracting(field.value))
        writer.append("\r\n")
    }

    /// Writes what is gathered.
    mutating func flush(_ bytes: Span<UInt8>, to writer: inout ByteWriter) {
        if start < end { writer.append(bytes.extracting(start..<end)) }
        start = 0
        end = 0
    }
}
