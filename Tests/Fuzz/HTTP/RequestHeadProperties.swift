import HTTP
import Primitives

/// What must hold of a request head, whatever the bytes are.
public enum RequestHeadProperties {
    /// One parse, copied out.
    private struct Outcome: Equatable {
        var consumed: Int?
        var error: HTTPError?
        var method = Method.other
        var version = HTTPVersion.http11
        var path: [UInt8] = []
        var query: [UInt8] = []
        var hasQuery = false
        var isAsterisk = false
        var authority: [UInt8] = []
        var framing = BodyFraming.none
        var isPersistent = false
        var fields: [[UInt8]] = []

        var isIncomplete: Bool { consumed == nil && error == nil }
    }

    /// Checks every property on `bytes`; a violation traps.
    public static func check(_ bytes: [UInt8]) {
        let whole = parse(bytes, arriving: [bytes.count])
        // How the bytes arrive makes no difference, but that a line may have to end before it is
        // judged.
        let split = bytes.isEmpty ? 0 : Int(bytes[bytes.count / 2]) % (bytes.count + 1)
        for steps in [Array(0...bytes.count), [split, bytes.count]] {
            let slow = parse(bytes, arriving: steps)
            if slow.isIncomplete, let error = whole.error {
                // Fields are counted when the head ends.
                let ended =
                    bytes + (bytes.last == 0x0D ? [0x0A] : [0x0D, 0x0A])
                    + (error == .fieldsTooMany ? [0x0D, 0x0A] : [])
                precondition(parse(ended, arriving: steps + [ended.count]).error == error)
            } else {
                precondition(slow == whole)
            }
        }
        guard let consumed = whole.consumed else { return }
        // What stands behind a head makes no difference.
        precondition(consumed <= bytes.count)
        precondition(parse(Array(bytes[..<consumed]), arriving: [consumed]) == whole)
        checkTarget(whole)
        checkForwarded(whole)
    }

    private static func parse(_ bytes: [UInt8], arriving steps: [Int]) -> Outcome {
        var limits = HTTPLimits()
        // Small, so that inputs reach them.
        limits.requestLineBytes = 96
        limits.headBytes = 320
        limits.fieldCount = 6
        limits.connectionOptionCount = 4
        var head = RequestHead(limits: limits)
        var outcome = Outcome()
        var scanned = 0
        do throws(HTTPError) {
            for visible in steps where outcome.consumed == nil {
                let span = bytes.span.extracting(first: visible)
                outcome.consumed = try head.parse(span, scanned: &scanned)
                precondition(scanned <= visible)
            }
        } catch {
            outcome.error = error
        }
        let span = bytes.span
        outcome.method = head.method
        outcome.version = head.version
        outcome.path = copy(head.path(in: span))
        outcome.query = copy(span.extracting(head.query))
        outcome.hasQuery = head.hasQuery
        outcome.isAsterisk = head.isAsteriskForm
        outcome.authority = copy(span.extracting(head.authority))
        outcome.framing = head.framing
        outcome.isPersistent = head.isPersistent
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            outcome.fields.append(copy(span.extracting(field.name)))
            outcome.fields.append(copy(span.extracting(field.value)))
        }
        return outcome
    }

    /// The path is in the one form that policy may judge.
    private static func checkTarget(_ outcome: Outcome) {
        precondition(outcome.authority.isEmpty || Authority.isValid(outcome.authority.span))
        precondition(!outcome.authority.isEmpty || outcome.version == .http10)
        if outcome.isAsterisk {
            precondition(outcome.path == [0x2A] && outcome.method == .options)
            return
        }
        let path = outcome.path
        precondition(path.first == 0x2F)
        precondition(path.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x5C && $0 != 0x3F })
        let segments = path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            precondition(!segment.isEmpty || index == segments.count - 1)
            precondition(segment != [0x2E] && segment != [0x2E, 0x2E])
        }
        let text = String(decoding: path, as: UTF8.self).lowercased()
        for encoded in ["%2f", "%5c", "%00", "%0a", "%0d", "%2e", "%41", "%7e"] {
            precondition(!text.contains(encoded))
        }
    }

    /// What is made of it for the next hop parses as the same request.
    private static func checkForwarded(_ outcome: Outcome) {
        guard outcome.authority.count > 0, outcome.method != .other else { return }
        var buffer = ByteBuffer(capacity: 1024)
        buffer.write { writer in
            writer.append(outcome.method.name)
            writer.append(.space)
            writer.append(outcome.path.span)
            if outcome.hasQuery {
                writer.append(UInt8(ascii: "?"))
                writer.append(outcome.query.span)
            }
            writer.append(" HTTP/1.1\r\n")
            precondition(writer.appendField("Host", outcome.authority.span))
            for index in stride(from: 0, to: outcome.fields.count, by: 2) {
                // Every field that was let in may go out.
                var trial = ByteBuffer(capacity: 1024)
                trial.write { writer in
                    let (name, value) = (outcome.fields[index], outcome.fields[index + 1])
                    let isWritten = writer.appendField(name: name.span, value: value.span)
                    precondition(isWritten && !writer.overflowed)
                }
            }
            writer.append("\r\n")
            precondition(!writer.overflowed)
        }
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        do throws(HTTPError) {
            let consumed = try head.parse(buffer.span, scanned: &scanned)
            precondition(consumed == buffer.count)
        } catch {
            preconditionFailure("a forwarded request was refused: \(error)")
        }
        precondition(head.method == outcome.method)
        precondition(copy(head.path(in: buffer.span)) == outcome.path)
        precondition(head.isAsteriskForm == outcome.isAsterisk)
        precondition(copy(buffer.span.extracting(head.query)) == outcome.query)
        precondition(copy(buffer.span.extracting(head.authority)) == outcome.authority)
    }
}

/// The bytes of `span` on their own.
func copy(_ span: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(span.count)
    for index in 0..<span.count { bytes.append(span[index]) }
    return bytes
}
