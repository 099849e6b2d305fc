import Primitives

/// Looks members up in a JSON object in RFC 8785 form, without building a tree of it.
///
/// For what this program wrote: heads, seals, and the few members of records that the verifier
/// counts with. Whatever does not have the form has no members.
public struct CanonicalObject: Sendable {
    private let bytes: ArraySlice<UInt8>

    /// The object in `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    private init(slice: ArraySlice<UInt8>) {
        bytes = slice
    }

    /// Whether the bytes begin and end as an object does.
    public var isObject: Bool { bytes.first == 0x7B && bytes.last == 0x7D && bytes.count >= 2 }

    /// The object that is the member `name`.
    public func object(_ name: StaticString) -> CanonicalObject? {
        guard let value = value(name), value.first == 0x7B else { return nil }
        return CanonicalObject(slice: value)
    }

    /// The integer that is the member `name`.
    public func integer(_ name: StaticString) -> Int64? {
        guard let value = value(name) else { return nil }
        return CanonicalObject.integer(value)
    }

    static func integer(_ value: ArraySlice<UInt8>) -> Int64? {
        guard let first = value.first else { return nil }
        let isNegative = first == 0x2D
        let digits = isNegative ? value.dropFirst() : value
        guard !digits.isEmpty, digits.count < 19 else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard digit.isASCIIDigit else { return nil }
            number = number * 10 + Int64(digit - 0x30)
        }
        return isNegative ? -number : number
    }

    /// The integers in the array that is the member `name`; nil when one is none.
    public func integers(_ name: StaticString) -> [Int64]? {
        guard let value = value(name), value.first == 0x5B, value.last == 0x5D else { return nil }
        let pieces = value.dropFirst().dropLast().split(separator: 0x2C)
        let numbers = pieces.compactMap { CanonicalObject.integer($0) }
        return numbers.count == pieces.count ? numbers : nil
    }

    /// The truth value that is the member `name`.
    public func boolean(_ name: StaticString) -> Bool? {
        guard let value = value(name) else { return nil }
        if value.elementsEqual("true".utf8) { return true }
        return value.elementsEqual("false".utf8) ? false : nil
    }

    /// The string that is the member `name`.
    public func string(_ name: StaticString) -> String? {
        guard let value = value(name) else { return nil }
        return CanonicalObject.unquoted(value)
    }

    /// The strings in the array that is the member `name`; nil when one is none.
    public func strings(_ name: StaticString) -> [String]? {
        guard let elements = elements(name) else { return nil }
        let strings = elements.compactMap { CanonicalObject.unquoted($0) }
        return strings.count == elements.count ? strings : nil
    }

    /// The objects in the array that is the member `name`; nil when one is none.
    public func objects(_ name: StaticString) -> [CanonicalObject]? {
        guard let elements = elements(name) else { return nil }
        let objects = elements.map { CanonicalObject(slice: $0) }
        return objects.allSatisfy(\.isObject) ? objects : nil
    }

    /// The values in the array that is the member `name`.
    private func elements(_ name: StaticString) -> [ArraySlice<UInt8>]? {
        guard let value = value(name), value.first == 0x5B else { return nil }
        var elements: [ArraySlice<UInt8>] = []
        var position = value.startIndex + 1
        while position < value.endIndex, value[position] != 0x5D {
            if value[position] == 0x2C { position += 1 }
            guard let end = CanonicalObject.skip(value, position) else { return nil }
            elements.append(value[position..<end])
            position = end
        }
        return elements
    }

    /// The 64 hexadecimal digits that are the member `name`.
    public func digest(_ name: StaticString) -> Digest256? {
        guard let value = value(name), value.count == 66, value.first == 0x22 else { return nil }
        var digest: [UInt8] = []
        var position = value.startIndex + 1
        while position + 1 < value.endIndex {
            guard let high = value[position].hexValue, let low = value[position + 1].hexValue
            else { return nil }
            digest.append(high << 4 | low)
            position += 2
        }
        return Digest256(digest.span)
    }

    /// The bytes of the member `name`, quotes and braces included.
    private func value(_ name: StaticString) -> ArraySlice<UInt8>? {
        guard isObject else { return nil }
        var position = bytes.startIndex + 1
        while position < bytes.endIndex, bytes[position] == 0x22 {
            guard let nameEnd = CanonicalObject.skip(bytes, position), nameEnd < bytes.endIndex,
                bytes[nameEnd] == 0x3A, let valueEnd = CanonicalObject.skip(bytes, nameEnd + 1)
            else { return nil }
            if matches(bytes[(position + 1)..<(nameEnd - 1)], name) {
                return bytes[(nameEnd + 1)..<valueEnd]
            }
            guard valueEnd < bytes.endIndex, bytes[valueEnd] == 0x2C else { return nil }
            position = valueEnd + 1
        }
        return nil
    }

    private func matches(_ bytes: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        // Safe: the bytes of a literal, which last as long as the program.
        name.withUTF8Buffer { unsafe bytes.elementsEqual($0) }
    }

    /// Passes each member's name and value to `body`, in order, as far as they have the form;
    /// false when that is not to the end.
    @discardableResult
    public func forEachMember(
        _ body: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) -> Bool {
        guard isObject else { return false }
        var position = bytes.startIndex + 1
        while position < bytes.endIndex, bytes[position] == 0x22 {
            guard let nameEnd = CanonicalObject.skip(bytes, position), nameEnd < bytes.endIndex,
                bytes[nameEnd] == 0x3A, let valueEnd = CanonicalObject.skip(bytes, nameEnd + 1)
            else { return false }
            body(bytes[(position + 1)..<(nameEnd - 1)], bytes[(nameEnd + 1)..<valueEnd])
            guard valueEnd < bytes.endIndex, bytes[valueEnd] == 0x2C else {
                return valueEnd == bytes.endIndex - 1
            }
            position = valueEnd + 1
        }
        return bytes.count == 2
    }

    /// Position after the value that begins at `start`.
    private static func skip(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int? {
        // A span reads about three times as fast as a slice; it counts from its own beginning.
        let span = bytes.span
        let base = bytes.startIndex
        var position = start - base
        var depth = 0
        while position < span.count {
            switch span[position] {
            case 0x22:
                position += 1
                while position < span.count, span[position] != 0x22 {
                    position += span[position] == 0x5C ? 2 : 1
                }
                guard position < span.count else { return nil }
                position += 1
                if depth == 0 { return base + position }
                continue
            case 0x7B, 0x5B: depth += 1
            case 0x7D, 0x5D:
                if depth == 0 { return base + position > start ? base + position : nil }
                depth -= 1
                if depth == 0 { return base + position + 1 }
            case 0x2C where depth == 0: return base + position > start ? base + position : nil
            default: break
            }
            position += 1
        }
        return nil
    }

    /// The text of a string's JSON, its quotes included; nil when it is none in this form.
    public static func unquoted(_ value: ArraySlice<UInt8>) -> String? {
        guard value.count >= 2, value.first == 0x22, value.last == 0x22 else { return nil }
        var text: [UInt8] = []
        var position = value.startIndex + 1
        while position < value.endIndex - 1 {
            guard value[position] == 0x5C else {
                text.append(value[position])
                position += 1
                continue
            }
            // RFC 8785 escapes only what has to be; the control characters are sanitised away.
            guard position + 1 < value.endIndex - 1, [0x22, 0x5C].contains(value[position + 1])
            else { return nil }
            text.append(value[position + 1])
            position += 2
        }
        return String(validating: text, as: UTF8.self)
    }
}
