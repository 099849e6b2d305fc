/// Bounds of a JSON text (RFC 8259 §9 permits an implementation to set them).
public struct JSONLimits: Sendable, Equatable {
    /// Deepest nesting of objects and arrays, at most `JSONReader.deepestNesting`.
    public var depth = 16
    /// Most member names of the objects that are open at a time, at most `JSONReader.mostMembers`.
    public var members = 256

    /// The default bounds.
    public init() {}

    /// Bounds of these values.
    public init(depth: Int, members: Int) {
        self.depth = depth
        self.members = members
    }
}

/// What is wrong with a JSON text.
public enum JSONError: Error, Equatable, Sendable {
    /// The text ends before its value does.
    case truncated
    /// A byte that the grammar does not permit there.
    case unexpectedByte(at: Int)
    /// Something stands after the value.
    case trailingBytes(at: Int)
    /// Nesting deeper than the limit.
    case tooDeep
    /// More members than the limit.
    case tooManyMembers
    /// An object has two members of one name (RFC 8259 §4 only says SHOULD).
    case duplicateName(at: Int)
    /// A string with a control byte, an unknown escape or half a surrogate pair.
    case stringMalformed(at: Int)
    /// A string that is not UTF-8 (RFC 3629).
    case textNotUTF8(at: Int)
    /// A number that the grammar does not permit.
    case numberMalformed(at: Int)
}

/// A string of a JSON text: where it stands between its quotes.
public struct JSONText: Sendable, Equatable, BitwiseCopyable {
    /// The bytes between the quotes, as written.
    public var range: ByteRange
    /// Whether a backslash is among them.
    public var hasEscapes: Bool

    /// A string that stands in `range`.
    public init(range: ByteRange, hasEscapes: Bool) {
        self.range = range
        self.hasEscapes = hasEscapes
    }
}

/// One step through a JSON text.
public enum JSONToken: Sendable, Equatable, BitwiseCopyable {
    /// `{`
    case objectStart
    /// `}`
    case objectEnd
    /// `[`
    case arrayStart
    /// `]`
    case arrayEnd
    /// A member's name; its value follows.
    case name(JSONText)
    /// A string that is a value.
    case string(JSONText)
    /// A number, as written.
    case number(ByteRange)
    /// `true` or `false`
    case boolean(Bool)
    /// `null`
    case null
    /// The text is over, and was well formed.
    case end
}

/// Steps through a JSON text (RFC 8259) without allocating.
///
/// Stricter than the standard where leniency is how two parsers come to read one text
/// differently: duplicate names in any object, half surrogate pairs, invalid UTF-8 and a byte
/// order mark are refused. Strings and numbers are answered as ranges of the text.
public struct JSONReader: ~Copyable, ~Escapable {
    /// Deepest nesting that any limit can permit.
    public static let deepestNesting = 32
    /// Most members that any limit can permit.
    public static let mostMembers = 256

    private enum State {
        case value, valueOrEnd, name, nameOrEnd, commaOrEnd, done
    }

    private let bytes: Span<UInt8>
    private let limits: JSONLimits
    /// Position of the next byte.
    public private(set) var position = 0
    /// Objects and arrays that are open.
    public private(set) var depth = 0
    private var state = State.value
    /// Bit n: whether the nth open container is an object.
    private var objects: UInt64 = 0
    /// Names seen when the nth container was opened: where its own begin.
    private var firstNames = InlineArray<32, UInt16>(repeating: 0)
    /// Hash (high half) and start (low half) of each name of the open objects.
    private var names = InlineArray<256, UInt64>(repeating: 0)
    private var nameCount = 0

    /// A reader at the start of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>, limits: JSONLimits = JSONLimits()) {
        precondition(limits.depth <= JSONReader.deepestNesting)
        precondition(limits.members <= JSONReader.mostMembers)
        self.bytes = bytes
        self.limits = limits
    }

    /// The next step; after `.end`, `.end` again.
    @_lifetime(self: copy self)
    public mutating func next() throws(JSONError) -> JSONToken {
        skipSpace()
        switch state {
        case .done:
            guard position == bytes.count else { throw .trailingBytes(at: position) }
            return .end
        case .commaOrEnd:
            let byte = try peek()
            if byte == UInt8(ascii: ",") {
                position += 1
                skipSpace()
                state = isInObject ? .name : .value
                return isInObject ? try readName() : try readValue()
            }
            return try close(byte)
        case .nameOrEnd:
            if try peek() == UInt8(ascii: "}") { return try close(UInt8(ascii: "}")) }
            return try readName()
        case .name:
            return try readName()
        case .valueOrEnd:
            if try peek() == UInt8(ascii: "]") { return try close(UInt8(ascii: "]")) }
            return try readValue()
        case .value:
            return try readValue()
        }
    }

    /// Steps over one value, whatever it holds; answers where it stands.
    ///
    /// Call it where a value comes next: at the start, or after a name.
    @_lifetime(self: copy self)
    public mutating func skipValue() throws(JSONError) -> ByteRange {
        skipSpace()
        let start = position
        let outer = depth
        repeat { _ = try next() } while depth > outer
        return ByteRange(start: start, count: position - start)
    }

    private var isInObject: Bool { depth > 0 && objects >> UInt64(depth - 1) & 1 == 1 }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw .truncated }
        return bytes[position]
    }

    @_lifetime(self: copy self)
    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    @_lifetime(self: copy self)
    private mutating func readValue() throws(JSONError) -> JSONToken {
        let byte = try peek()
        switch byte {
        case UInt8(ascii: "{"):
            try open(isObject: true)
            return .objectStart
        case UInt8(ascii: "["):
            try open(isObject: false)
            return .arrayStart
        case UInt8(ascii: "\""):
            let text = try readString()
            valueEnded()
            return .string(text)
        case UInt8(ascii: "-"), 0x30...0x39:
            let range = try readNumber()
            valueEnded()
            return .number(range)
        case UInt8(ascii: "t"):
            try expect("true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .boolean(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default:
            throw .unexpectedByte(at: position)
        }
    }

    @_lifetime(self: copy self)
    private mutating func expect(_ literal: StaticString) throws(JSONError) {
        let count = literal.utf8CodeUnitCount
        guard bytes.count - position >= count else { throw .truncated }
        guard bytes.extracting(position..<position + count).equals(literal) else {
            throw .unexpectedByte(at: position)
        }
        position += count
        valueEnded()
    }

    @_lifetime(self: copy self)
    private mutating func open(isObject: Bool) throws(JSONError) {
        guard depth < limits.depth else { throw .tooDeep }
        position += 1
        let bit = UInt64(1) << UInt64(depth)
        objects = isObject ? objects | bit : objects & ~bit
        firstNames[depth] = UInt16(nameCount)
        depth += 1
        state = isObject ? .nameOrEnd : .valueOrEnd
    }

    @_lifetime(self: copy self)
    private mutating func close(_ byte: UInt8) throws(JSONError) -> JSONToken {
        let isObject = isInObject
        guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw .unexpectedByte(at: position)
        }
        position += 1
        depth -= 1
        nameCount = Int(firstNames[depth])
        valueEnded()
        return isObject ? .objectEnd : .arrayEnd
    }

    @_lifetime(self: copy self)
    private mutating func valueEnded() {
        state = depth == 0 ? .done : .commaOrEnd
    }

    @_lifetime(self: copy self)
    private mutating func readName() throws(JSONError) -> JSONToken {
        guard try peek() == UInt8(ascii: "\"") else { throw .unexpectedByte(at: position) }
        let text = try readString()
        try remember(text)
        skipSpace()
        guard try peek() == UInt8(ascii: ":") else { throw .unexpectedByte(at: position) }
        position += 1
        state = .value
        return .name(text)
    }

    /// Refuses `name` when its object has it already; escapes do not hide it.
    @_lifetime(self: copy self)
    private mutating func remember(_ name: JSONText) throws(JSONError) {
        var hash: UInt32 = 0x811C_9DC5
        var cursor = JSONTextCursor(name)
        while let byte = cursor.next(in: bytes) { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        for index in Int(firstNames[depth - 1])..<nameCount
        where UInt32(truncatingIfNeeded: names[index] >> 32) == hash {
            let start = Int(UInt32(truncatingIfNeeded: names[index]) >> 1)
            let end = endOfString(from: start)
            let earlier = JSONText(
                range: ByteRange(start: start, count: end - start),
                hasEscapes: names[index] & 1 == 1)
            guard !bytes.jsonTexts(earlier, equal: name) else {
                throw .duplicateName(at: name.range.lower)
            }
        }
        guard nameCount < limits.members else { throw .tooManyMembers }
        names[nameCount] =
            UInt64(hash) << 32 | UInt64(name.range.start) << 1 | (name.hasEscapes ? 1 : 0)
        nameCount += 1
    }

    /// Where the string that begins at `start` ends; it was read before and is well formed.
    private func endOfString(from start: Int) -> Int {
        var offset = start
        while bytes[offset] != UInt8(ascii: "\"") {
            offset += bytes[offset] == UInt8(ascii: "\\") ? 2 : 1
        }
        return offset
    }

    @_lifetime(self: copy self)
    private mutating func readString() throws(JSONError) -> JSONText {
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                let range = ByteRange(start: start, count: position - start)
                position += 1
                return JSONText(range: range, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try readEscape()
            case 0x20..<0x80:
                position += 1
            case 0x80...:
                guard let size = bytes.utf8SequenceCount(at: position) else {
                    throw .textNotUTF8(at: position)
                }
                position += size
            default:
                throw .stringMalformed(at: position)
            }
        }
    }

    @_lifetime(self: copy self)
    private mutating func readEscape() throws(JSONError) {
        guard bytes.count - position >= 2 else { throw .truncated }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            let unit = try readCodeUnit()
            guard unit & 0xFC00 != 0xDC00 else { throw .stringMalformed(at: position) }
            if unit & 0xFC00 == 0xD800 {
                guard try readCodeUnit() & 0xFC00 == 0xDC00 else {
                    throw .stringMalformed(at: position)
                }
            }
        default:
            throw .stringMalformed(at: position)
        }
    }

    /// Reads `\uXXXX`.
    @_lifetime(self: copy self)
    private mutating func readCodeUnit() throws(JSONError) -> UInt32 {
        guard try peek() == UInt8(ascii: "\\") else { throw .stringMalformed(at: position) }
        guard bytes.count - position >= 6 else { throw .truncated }
        guard bytes[position + 1] == UInt8(ascii: "u"),
            let unit = bytes.hexCodeUnit(at: position + 2)
        else { throw .stringMalformed(at: position) }
        position += 6
        return unit
    }

    @_lifetime(self: copy self)
    private mutating func readNumber() throws(JSONError) -> ByteRange {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let leading = position
        try readDigits()
        // No leading zero: `0` stands alone.
        guard bytes[leading] != 0x30 || position == leading + 1 else {
            throw .numberMalformed(at: start)
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try readDigits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count,
                bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
            {
                position += 1
            }
            try readDigits()
        }
        return ByteRange(start: start, count: position - start)
    }

    @_lifetime(self: copy self)
    private mutating func readDigits() throws(JSONError) {
        let start = position
        while position < bytes.count, bytes[position].isASCIIDigit { position += 1 }
        guard position > start else {
            throw position == bytes.count ? .truncated : .numberMalformed(at: position)
        }
    }
}
