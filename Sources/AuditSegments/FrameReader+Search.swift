import Crypto
import Primitives

extension FrameReader {
    /// Whether a whole frame of `number` or a later one begins anywhere behind `offset`.
    ///
    /// Frames are made durable one by one: behind one that is only torn there is none. Earlier
    /// ones may be there, in a file that was used before.
    ///
    /// - Throws: `cryptographyFailed` only.
    public static func hasFrame(
        _ segment: [UInt8], after offset: Int, from number: UInt64,
        library: borrowing CryptoLibrary
    ) throws(EvidenceError) -> Bool {
        var position = (offset + 8) & ~7
        // A frame begins with other bytes than zeros.
        let end = segment.span.countWithoutTrailingZeros
        while position < end, position + FrameHeader.byteCount <= segment.count {
            if segment[position] == 0x41, segment[position + 1] == 0x4C,
                let header = try? FrameHeader(segment.span.extracting(droppingFirst: position)),
                header.number >= number
            {
                var probe = try FrameReader(
                    nextNumber: header.number, previous: header.previous, library: library)
                do {
                    if try probe.next(segment.span, at: position) != nil { return true }
                } catch .frame(.order), .frame(.firstIndex(_)) {
                    // What is checked after these is whole.
                    return true
                } catch {}
            }
            position += 8
        }
        return false
    }
}
