import AuditRecords
import Primitives

// What is written in place of a path or a query when rules take something out of them.

extension ByteWriter {
    /// Appends what stands in the place of `value`: the rule's name, perhaps with the value's end.
    mutating func appendPlaceholder(
        _ rule: UInt8, for value: Span<UInt8>, _ privacy: RecordPrivacy
    ) {
        let placeholder = privacy.placeholders[Int(rule)]
        let text = privacy.text
        append(text.span.extracting(placeholder.text))
        guard placeholder.keepsLast, value.count >= Redaction.maskedBytes else { return }
        let last = value.extracting((value.count - Redaction.shownBytes)..<value.count)
        for offset in 0..<last.count where !last[offset].isLetterOrDigit { return }
        // Nor when they begin inside an escape.
        let before = value.count - Redaction.shownBytes - 1
        guard value[before] != UInt8(ascii: "%"), value[before - 1] != UInt8(ascii: "%") else {
            return
        }
        append(last)
    }

    /// Appends a path in normal form without the segments that rules take out, or as a whole.
    mutating func appendRedacted(
        path: Span<UInt8>, _ privacy: RecordPrivacy, _ plan: RecordPrivacy.Plan,
        _ marks: inout RedactionSet
    ) {
        guard !plan.hidesPath else {
            guard !path.isEmpty else { return }
            marks.insert(.path, rule: RecordNames.unroutedRule)
            appendPlaceholder(RecordNames.unroutedRule, for: Span(), privacy)
            return
        }
        // The path of `OPTIONS *` has no segments.
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else {
            append(path)
            return
        }
        var start = 1
        var index = 0
        while true {
            let end = path.firstIndex(of: UInt8(ascii: "/"), from: start) ?? path.count
            append(UInt8(ascii: "/"))
            let segment = path.extracting(start..<end)
            let rule = privacy.rule(plan, segment: index)
            if rule == RecordPrivacy.noRule || segment.isEmpty {
                append(segment)
            } else {
                marks.insert(.path, rule: rule)
                appendPlaceholder(rule, for: segment, privacy)
            }
            index += 1
            guard end < path.count else { return }
            start = end + 1
        }
    }

    /// Appends a query or a form without the values that rules take out, nor those of credentials.
    ///
    /// Whoever reads the query may decode it before it splits it, split it at `;`, or take a URL in
    /// a value apart. So a name counts wherever one of these could see it.
    mutating func appendRedacted(
        query: Span<UInt8>, of member: RedactedField, _ privacy: RecordPrivacy,
        _ marks: inout RedactionSet
    ) {
        var start = 0
        var isValue = false
        while start <= query.count {
            let (kind, end, next) = query.delimiter(from: start)
            let piece = query.extracting(start..<end)
            if kind == .equals {
                let isName = piece.count <= QueryKeys.nameBytes
                if isName || isValue { append(piece) } else { append(UInt8(ascii: "*")) }
                append(query.extracting(end..<next))
                if let rule = privacy.rule(parameter: piece) {
                    let (valueEnd, valueNext) = query.parameterEnd(from: next)
                    if valueEnd > next {
                        marks.insert(member, rule: rule)
                        appendPlaceholder(
                            rule, for: query.extracting(next..<valueEnd), privacy)
                    }
                    append(query.extracting(valueEnd..<valueNext))
                    start = valueNext
                    isValue = false
                    if valueNext == valueEnd { return }
                    continue
                }
                isValue = true
            } else {
                if isValue || piece.count <= QueryKeys.bareNameBytes {
                    append(piece)
                } else {
                    append(UInt8(ascii: "*"))
                }
                append(query.extracting(end..<next))
                isValue = false
                if kind == .end { return }
            }
            start = next
        }
    }
}

enum Redaction {
    /// A value shorter than this is never shown in part.
    static let maskedBytes = 12
    /// Letters or digits of a masked value that stay.
    static let shownBytes = 4

    /// What ends a piece of a query.
    enum Delimiter {
        case equals
        case separator
        case end
    }
}

extension Span where Element == UInt8 {
    /// The first delimiter at or after `start`: what it is, where it begins, and where it ends.
    fileprivate func delimiter(
        from start: Int
    ) -> (kind: Redaction.Delimiter, end: Int, next: Int) {
        var offset = start
        while offset < count {
            let byte = self[offset]
            switch byte {
            case UInt8(ascii: "="): return (.equals, offset, offset + 1)
            case UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "?"):
                return (.separator, offset, offset + 1)
            case UInt8(ascii: "%"):
                // Encoded once or more often: `%3D`, `%253D`.
                var digits = offset + 1
                while digits + 3 < count, self[digits] == 0x32, self[digits + 1] == 0x35 {
                    digits += 2
                }
                guard digits + 1 < count, let high = self[digits].hexValue,
                    let low = self[digits + 1].hexValue
                else { break }
                switch high << 4 | low {
                case UInt8(ascii: "="): return (.equals, offset, digits + 2)
                case UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "?"):
                    return (.separator, offset, digits + 2)
                default: break
                }
            default: break
            }
            offset += 1
        }
        return (.end, count, count)
    }

    /// Where the parameter that has a value at `start` ends, and where the next one begins.
    fileprivate func parameterEnd(from start: Int) -> (end: Int, next: Int) {
        var from = start
        while true {
            let (kind, end, next) = delimiter(from: from)
            if kind != .equals { return (end, next) }
            from = next
        }
    }
}

extension UInt8 {
    var isLetterOrDigit: Bool { isASCIIDigit || (self | 0x20) &- 0x61 < 26 }
}
