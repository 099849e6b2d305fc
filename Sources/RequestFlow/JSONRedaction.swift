import AuditRecords
import Primitives

/// Copies JSON (RFC 8259) without the values that rules take out, or nothing at all.
///
/// The beginning of a longer text is enough. Strictness is what makes it safe: what another reader
/// might take for JSON and this one does not, such as comments, is not recorded.
struct JSONRedaction {
    /// Deepest nesting that is read.
    static let depthLimit = 32
    /// Longest step of a pointer, in bytes.
    static let stepBytes = 64

    /// Which body pointers match so far, a bit each, by depth.
    private var alive = InlineArray<33, UInt32>(repeating: 0)
    /// Whether each open container is an object, by depth.
    private var isObject = InlineArray<33, Bool>(repeating: false)
    /// The element's number in each open array, by depth.
    private var element = InlineArray<33, Int>(repeating: 0)
    private var depth = 0
    private var offset = 0

    /// Why nothing more is copied.
    private enum Stop: Error {
        /// The text goes on behind what is there.
        case ended
        /// It is no JSON, or too deep.
        case unreadable
    }

    /// Appends `text` to `writer` without what is taken out.
    ///
    /// - Parameter isCut: Whether the text goes on.
    /// - Returns: False when it can't be read: what was written must then be dropped.
    static func append(
        _ text: Span<UInt8>, isCut: Bool, of member: RedactedField, _ privacy: RecordPrivacy,
        _ marks: inout RedactionSet, to writer: inout ByteWriter
    ) -> Bool {
        var reader = JSONRedaction()
        reader.alive[0] = privacy.allPointers
        do throws(Stop) {
            try reader.copyDocument(text, member, privacy, &marks, &writer)
            return true
        } catch {
            return error == .ended && isCut
        }
    }

    private mutating func copyDocument(
        _ text: Span<UInt8>, _ member: RedactedField, _ privacy: RecordPrivacy,
        _ marks: inout RedactionSet, _ writer: inout ByteWriter
    ) throws(Stop) {
        try skipSpace(text)
        try beginValue(text, &writer)
        while depth > 0 {
            try step(text, member, privacy, &marks, &writer)
        }
        copySpace(text)
        guard offset == text.count else { throw .unreadable }
    }

    /// Copies one member or element of the innermost container, or its end.
    private mutating func step(
        _ text: Span<UInt8>, _ member: RedactedField, _ privacy: RecordPrivacy,
        _ marks: inout RedactionSet, _ writer: inout ByteWriter
    ) throws(Stop) {
        try skipSpace(text)
        let close = isObject[depth] ? UInt8(ascii: "}") : UInt8(ascii: "]")
        if text[offset] == close {
            writer.append(close)
            offset += 1
            depth -= 1
            try endValue(text, &writer)
            return
        }
        var name = JSONName()
        if isObject[depth] {
            guard text[offset] == UInt8(ascii: "\"") else { throw .unreadable }
            let start = offset
            try skipString(text, &name)
            writer.append(text.extracting(start..<offset))
            try skipSpace(text)
            guard text[offset] == UInt8(ascii: ":") else { throw .unreadable }
            writer.append(UInt8(ascii: ":"))
            offset += 1
            try skipSpace(text)
        } else {
            name.set(number: element[depth])
        }
        let matching = privacy.pointers(alive[depth], at: depth - 1, matching: name)
        var rule = privacy.pointerEnding(matching, at: depth)
        if rule == nil, isObject[depth] { rule = name.compared.rule(privacy) }
        if let rule {
            marks.insert(member, rule: rule)
            writer.append(UInt8(ascii: "\""))
            writer.appendPlaceholder(rule, for: Span(), privacy)
            writer.append(UInt8(ascii: "\""))
            try skipValue(text)
            try endValue(text, &writer)
            return
        }
        if depth < JSONRedaction.depthLimit { alive[depth + 1] = matching }
        try beginValue(text, &writer)
    }

    /// Copies a scalar with what follows it, or opens a container.
    private mutating func beginValue(
        _ text: Span<UInt8>, _ writer: inout ByteWriter
    ) throws(Stop) {
        let byte = text[offset]
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            guard depth < JSONRedaction.depthLimit else { throw .unreadable }
            depth += 1
            if depth == 1 { alive[1] = alive[0] }
            isObject[depth] = byte == UInt8(ascii: "{")
            element[depth] = 0
            writer.append(byte)
            offset += 1
            return
        }
        let start = offset
        do throws(Stop) {
            try skipScalar(text)
        } catch {
            // The beginning of a string that goes on may be shown: no rule is about it.
            if error == .ended { writer.append(text.extracting(start..<text.count)) }
            throw error
        }
        writer.append(text.extracting(start..<offset))
        try endValue(text, &writer)
    }

    /// A value has ended: copies the comma behind it, if one is.
    private mutating func endValue(
        _ text: Span<UInt8>, _ writer: inout ByteWriter
    ) throws(Stop) {
        guard depth > 0 else { return }
        try skipSpace(text)
        let byte = text[offset]
        if byte == UInt8(ascii: ",") {
            writer.append(byte)
            offset += 1
            element[depth] += 1
            try skipSpace(text)
            let close = isObject[depth] ? UInt8(ascii: "}") : UInt8(ascii: "]")
            // A comma with nothing behind it is another reader's JSON.
            guard text[offset] != close else { throw .unreadable }
            return
        }
        let close = isObject[depth] ? UInt8(ascii: "}") : UInt8(ascii: "]")
        guard byte == close else { throw .unreadable }
    }

    // MARK: - Reading

    private mutating func copySpace(_ text: Span<UInt8>) {
        while offset < text.count, text[offset].isJSONSpace { offset += 1 }
    }

    /// Goes to the next byte that is no white space; it must be there.
    private mutating func skipSpace(_ text: Span<UInt8>) throws(Stop) {
        copySpace(text)
        guard offset < text.count else { throw .ended }
    }

    /// Goes behind a value of any kind, however it is nested.
    private mutating func skipValue(_ text: Span<UInt8>) throws(Stop) {
        var closes = InlineArray<33, UInt8>(repeating: 0)
        var open = 0
        while true {
            try skipSpace(text)
            switch text[offset] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open < JSONRedaction.depthLimit else { throw .unreadable }
                closes[open] =
                    text[offset] == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")
                open += 1
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard open > 0, closes[open - 1] == text[offset] else { throw .unreadable }
                open -= 1
                offset += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard open > 0 else { throw .unreadable }
                offset += 1
                continue
            default: try skipScalar(text)
            }
            if open == 0 { return }
        }
    }

    private mutating func skipScalar(_ text: Span<UInt8>) throws(Stop) {
        switch text[offset] {
        case UInt8(ascii: "\""):
            var name = JSONName()
            try skipString(text, &name)
        case UInt8(ascii: "t"): try skipWord("true", text)
        case UInt8(ascii: "f"): try skipWord("false", text)
        case UInt8(ascii: "n"): try skipWord("null", text)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            while offset < text.count, text[offset].isJSONNumber { offset += 1 }
            // At the end of a whole document, a number that stands alone has ended, too.
            if offset == text.count, depth > 0 { throw .ended }
        default: throw .unreadable
        }
    }

    private mutating func skipWord(_ word: StaticString, _ text: Span<UInt8>) throws(Stop) {
        let count = word.utf8CodeUnitCount
        guard offset + count <= text.count else { throw .ended }
        guard text.extracting(offset..<(offset + count)).equals(word) else { throw .unreadable }
        offset += count
    }

    /// Goes behind a string, and says in `name` what it spells.
    private mutating func skipString(
        _ text: Span<UInt8>, _ name: inout JSONName
    ) throws(Stop) {
        offset += 1
        while true {
            guard offset < text.count else { throw .ended }
            let byte = text[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try skipEscape(text, &name)
            case 0..<0x20: throw .unreadable
            default: name.append(byte)
            }
        }
    }

    private mutating func skipEscape(
        _ text: Span<UInt8>, _ name: inout JSONName
    ) throws(Stop) {
        guard offset < text.count else { throw .ended }
        let byte = text[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): name.append(byte)
        case UInt8(ascii: "b"): name.append(8)
        case UInt8(ascii: "f"): name.append(12)
        case UInt8(ascii: "n"): name.append(10)
        case UInt8(ascii: "r"): name.append(13)
        case UInt8(ascii: "t"): name.append(9)
        case UInt8(ascii: "u"):
            guard offset + 4 <= text.count else { throw .ended }
            var code: UInt32 = 0
            for index in offset..<(offset + 4) {
                guard let digit = text[index].hexValue else { throw .unreadable }
                code = code << 4 | UInt32(digit)
            }
            offset += 4
            name.append(code: code)
        default: throw .unreadable
        }
    }
}

/// A member's name as it is spelled, and as it is compared.
struct JSONName {
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    private var isLong = false
    /// In lower case.
    private(set) var compared = ComparedName()

    mutating func append(_ byte: UInt8) {
        compared.append(byte)
        guard count < JSONRedaction.stepBytes else {
            isLong = true
            return
        }
        bytes[count] = byte
        count += 1
    }

    /// Appends a UTF-16 code unit as UTF-8; halves of pairs each by itself, which no name equals.
    mutating func append(code: UInt32) {
        switch code {
        case 0..<0x80: append(UInt8(code))
        case 0x80..<0x800:
            append(UInt8(0xC0 | code >> 6))
            append(UInt8(0x80 | code & 0x3F))
        default:
            append(UInt8(0xE0 | code >> 12))
            append(UInt8(0x80 | code >> 6 & 0x3F))
            append(UInt8(0x80 | code & 0x3F))
        }
    }

    /// Makes it the number of an element.
    mutating func set(number: Int) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var left = number
        var length = 0
        repeat {
            digits[length] = UInt8(ascii: "0") + UInt8(left % 10)
            left /= 10
            length += 1
        } while left > 0
        while length > 0 {
            length -= 1
            append(digits[length])
        }
    }

    /// Whether it is `step`.
    func equals(_ step: Span<UInt8>) -> Bool {
        !isLong && bytes.span.extracting(0..<count).equals(step)
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool { self == 0x20 || self == 9 || self == 10 || self == 13 }

    fileprivate var isJSONNumber: Bool {
        isASCIIDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: "+")
            || self == UInt8(ascii: ".") || self | 0x20 == UInt8(ascii: "e")
    }
}
