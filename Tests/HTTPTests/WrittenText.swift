import Primitives

/// What `body` writes into `capacity` bytes; nil when it did not fit.
func written(capacity: Int = 256, _ body: (inout ByteWriter) -> Void) -> String? {
    var buffer = ByteBuffer(capacity: capacity)
    let fits = buffer.write { (writer: inout ByteWriter) -> Bool in
        body(&writer)
        return !writer.overflowed
    }
    return fits ? buffer.span.text() : nil
}
