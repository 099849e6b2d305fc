import Foundation
import Primitives

/// What must hold of a JSON text, whatever the bytes are.
public enum JSONReaderProperties {
    /// Checks every property on `bytes`; a violation traps.
    public static func check(_ bytes: [UInt8]) {
        let limits = JSONLimits(depth: 6, members: 12)
        guard let steps = walk(bytes, limits: limits) else { return }
        // Open and closed are balanced, and skipping the whole value reads as far.
        precondition(skip(bytes, limits: limits))
        // Whatever is taken, Foundation's reader takes, too: we are only ever stricter.
        let other = try? JSONSerialization.jsonObject(
            with: Data(bytes), options: [.fragmentsAllowed])
        precondition(other != nil || steps.hasExtremeNumber)
    }

    private struct Steps {
        /// Foundation refuses numbers that its own type cannot hold.
        var hasExtremeNumber = false
    }

    private static func walk(_ bytes: [UInt8], limits: JSONLimits) -> Steps? {
        var reader = JSONReader(bytes.span, limits: limits)
        var steps = Steps()
        do throws(JSONError) {
            while true {
                let before = reader.position
                let token = try reader.next()
                precondition(reader.depth <= limits.depth)
                switch token {
                case .end:
                    precondition(reader.position == bytes.count && reader.depth == 0)
                    return steps
                case .name(let text), .string(let text):
                    checkText(text, in: bytes)
                case .number(let range):
                    _ = bytes.span.jsonMillionths(range)
                    if range.count > 15 { steps.hasExtremeNumber = true }
                    for offset in range.lower..<range.upper
                    where bytes[offset] | 0x20 == UInt8(ascii: "e") {
                        steps.hasExtremeNumber = true
                    }
                case .objectStart, .objectEnd, .arrayStart, .arrayEnd, .boolean, .null: break
                }
                precondition(reader.position > before)
            }
        } catch {
            return nil
        }
    }

    private static func skip(_ bytes: [UInt8], limits: JSONLimits) -> Bool {
        var reader = JSONReader(bytes.span, limits: limits)
        do throws(JSONError) {
            let range = try reader.skipValue()
            precondition(range.upper <= bytes.count)
            return try reader.next() == .end
        } catch {
            return false
        }
    }

    /// A text is UTF-8, equals itself, and is written as it is read.
    private static func checkText(_ text: JSONText, in bytes: [UInt8]) {
        let decoded = bytes.span.jsonBytes(text)
        precondition(String(validating: decoded, as: UTF8.self) != nil)
        precondition(bytes.span.jsonText(text, equals: decoded.span))
        precondition(bytes.span.jsonTexts(text, equal: text))
        precondition(!bytes.span.jsonText(text, equals: (decoded + [0]).span))
        var buffer = ByteBuffer(capacity: max(bytes.count, 1))
        buffer.write { $0.appendJSONText(text, from: bytes.span) }
        precondition(buffer.span.equals(decoded.span))
        precondition(text.hasEscapes || decoded.count == Int(text.range.count))
    }
}
