import HTTP
import Primitives

/// What must hold of a response head, whatever the bytes are.
public enum ResponseHeadProperties {
    private struct Outcome: Equatable {
        var consumed: Int?
        var error: HTTPError?
        var status: UInt16 = 0
        var phrase: [UInt8] = []
        var framing = BodyFraming.none
        var isPersistent = false
        var fields: [[UInt8]] = []

        var isIncomplete: Bool { consumed == nil && error == nil }
    }

    /// Checks every property on `bytes`; a violation traps. The first byte chooses the method.
    public static func check(_ bytes: [UInt8]) {
        let method: Method = (bytes.first ?? 0) & 3 == 3 ? .head : .get
        let bytes = Array(bytes.dropFirst())
        let whole = parse(bytes, arriving: [bytes.count], method: method)
        // As for requests: a line may have to end before it is judged.
        let split = bytes.isEmpty ? 0 : Int(bytes[bytes.count / 2]) % (bytes.count + 1)
        for steps in [Array(0...bytes.count), [split, bytes.count]] {
            let slow = parse(bytes, arriving: steps, method: method)
            if slow.isIncomplete, let error = whole.error {
                // Fields are counted when the head ends.
                let ended =
                    bytes + (bytes.last == 0x0D ? [0x0A] : [0x0D, 0x0A])
                    + (error == .fieldsTooMany ? [0x0D, 0x0A] : [])
                let late = parse(ended, arriving: steps + [ended.count], method: method)
                precondition(late.error == error)
            } else {
                precondition(slow == whole)
            }
        }
        guard let consumed = whole.consumed else { return }
        precondition(consumed <= bytes.count)
        let alone = Array(bytes[..<consumed])
        precondition(parse(alone, arriving: [consumed], method: method) == whole)
        precondition(whole.status >= 100 && whole.status < 600)
        if method == .head || whole.status < 200 || whole.status == 204 || whole.status == 304 {
            precondition(whole.framing == .none)
        } else {
            precondition(whole.framing != .none)
        }
        precondition(whole.framing != .untilClose || !whole.isPersistent)
        for index in stride(from: 0, to: whole.fields.count, by: 2) {
            let (name, value) = (whole.fields[index], whole.fields[index + 1])
            precondition(name.span.isToken && value.span.isFieldValue)
        }
    }

    private static func parse(
        _ bytes: [UInt8], arriving steps: [Int], method: Method
    ) -> Outcome {
        var limits = HTTPLimits()
        limits.requestLineBytes = 64
        limits.headBytes = 320
        limits.fieldCount = 6
        limits.connectionOptionCount = 4
        var head = ResponseHead(limits: limits)
        var outcome = Outcome()
        var scanned = 0
        do throws(HTTPError) {
            for visible in steps where outcome.consumed == nil {
                let span = bytes.span.extracting(first: visible)
                outcome.consumed = try head.parse(span, scanned: &scanned, requestMethod: method)
                precondition(scanned <= visible)
            }
        } catch {
            outcome.error = error
        }
        let span = bytes.span
        outcome.status = head.status
        outcome.phrase = copy(span.extracting(head.reasonPhrase))
        outcome.framing = head.framing
        outcome.isPersistent = head.isPersistent
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            outcome.fields.append(copy(span.extracting(field.name)))
            outcome.fields.append(copy(span.extracting(field.value)))
        }
        return outcome
    }
}
