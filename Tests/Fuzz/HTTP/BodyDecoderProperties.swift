import HTTP
import Primitives

/// What must hold of a body's framing, whatever the bytes are.
public enum BodyDecoderProperties {
    private struct Outcome: Equatable {
        var data: [UInt8] = []
        var trailers: [[UInt8]] = []
        var consumed = 0
        var isAtEnd = false
        var error: HTTPError?
    }

    /// Checks every property on `bytes`; a violation traps. The first byte chooses the framing.
    public static func check(_ bytes: [UInt8]) {
        let choice = bytes.first ?? 0
        let framing: BodyFraming =
            choice < 0xC0 ? .chunked : choice < 0xE0 ? .length(Int64(choice & 31)) : .untilClose
        let bytes = Array(bytes.dropFirst())
        let whole = decode(bytes, framing, arriving: [bytes.count])
        let slow = decode(bytes, framing, arriving: Array(0...bytes.count))
        precondition(slow == whole)
        let split = bytes.isEmpty ? 0 : Int(bytes[bytes.count / 2]) % (bytes.count + 1)
        precondition(decode(bytes, framing, arriving: [split, bytes.count]) == whole)
        // The body is not longer than its bytes, and nothing behind its end is touched.
        precondition(whole.data.count <= bytes.count && whole.consumed <= bytes.count)
        if whole.isAtEnd {
            let alone = Array(bytes[..<whole.consumed])
            precondition(decode(alone, framing, arriving: [alone.count]) == whole)
            if framing == .chunked { checkEncoded(whole.data) }
        }
        if case .length(let count) = framing {
            precondition(whole.isAtEnd == (bytes.count >= count))
            precondition(whole.data == Array(bytes.prefix(Int(count))))
        }
        for field in whole.trailers {
            precondition(field.span.isFieldValue)
        }
    }

    private static func decode(
        _ bytes: [UInt8], _ framing: BodyFraming, arriving steps: [Int]
    ) -> Outcome {
        var limits = HTTPLimits()
        limits.chunkLineBytes = 24
        limits.trailerBytes = 48
        limits.fieldCount = 3
        limits.chunkOverheadBytes = 64
        var decoder = BodyDecoder(framing, limits: limits)
        var outcome = Outcome()
        do throws(HTTPError) {
            arrivals: for visible in steps {
                while true {
                    let span = bytes.span.extracting(outcome.consumed..<visible)
                    let step = try decoder.next(span)
                    switch step {
                    case .needMore(let consumed):
                        precondition(consumed <= span.count)
                        outcome.consumed += consumed
                        continue arrivals
                    case .data(let range, let consumed):
                        precondition(!range.isEmpty && range.upper <= consumed)
                        outcome.data += copy(span.extracting(range))
                        outcome.consumed += consumed
                    case .trailer(let name, let value, let consumed):
                        precondition(span.extracting(name).isToken && value.upper <= consumed)
                        outcome.trailers.append(copy(span.extracting(name)))
                        outcome.trailers.append(copy(span.extracting(value)))
                        outcome.consumed += consumed
                    case .end(let consumed):
                        precondition(decoder.isAtEnd)
                        outcome.consumed += consumed
                        break arrivals
                    }
                }
            }
        } catch {
            outcome.error = error
            // Where the offence was noticed depends on how the bytes came.
            outcome.consumed = 0
        }
        outcome.isAtEnd = decoder.isAtEnd
        return outcome
    }

    /// What the writer makes of the data, the decoder takes apart again.
    private static func checkEncoded(_ data: [UInt8]) {
        var buffer = ByteBuffer(capacity: data.count + 32)
        buffer.write { writer in
            writer.appendChunk(data.span)
            writer.appendLastChunk()
            precondition(!writer.overflowed)
        }
        let bytes = copy(buffer.span)
        let again = decode(bytes, .chunked, arriving: [bytes.count])
        precondition(again.isAtEnd && again.data == data && again.consumed == bytes.count)
    }
}
