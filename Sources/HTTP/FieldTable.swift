import Primitives

/// One field line of a message, as positions in the message's bytes.
public struct Field: Sendable, BitwiseCopyable {
    /// The name as it was sent.
    public let name: ByteRange
    /// The value without the white space around it.
    public let value: ByteRange
    /// The name's number, when it has one.
    public let known: FieldName
    /// Whether the field ends at this hop: by its name, or because Connection names it.
    ///
    /// In requests also when the name holds `_`: servers that make variables of names (CGI,
    /// RFC 3875 §4.1.18) read `X_Real_IP` as `X-Real-IP`, so a client could bring back what was
    /// removed. Other proxies drop such fields too.
    public internal(set) var isHopByHop: Bool
}

/// The field lines of one message in the order they came; its memory is made once.
@safe
public struct FieldTable: ~Copyable {
    /// Most fields it holds.
    public let capacity: Int
    /// Fields held.
    public private(set) var count = 0

    /// Whether names with `_` end at this hop.
    private let endsUnderscores: Bool
    private let memory: UnsafeMutablePointer<Field>
    /// First line of each known name; meaningful where `present` has its bit.
    private let firsts: UnsafeMutablePointer<Int32>
    private var present: UInt64 = 0
    private var repeated: UInt64 = 0

    /// A table of at most `capacity` fields.
    init(capacity: Int, endsUnderscores: Bool) {
        precondition(capacity > 0 && capacity < Int(Int32.max))
        self.capacity = capacity
        self.endsUnderscores = endsUnderscores
        unsafe memory = .allocate(capacity: capacity)
        unsafe firsts = .allocate(capacity: FieldName.capacity)
        unsafe firsts.initialize(repeating: 0, count: FieldName.capacity)
    }

    deinit {
        unsafe memory.deallocate()
        unsafe firsts.deallocate()
    }

    /// The field at `index`, below `count`.
    public subscript(index: Int) -> Field {
        precondition(index >= 0 && index < count)
        // Safe: fields below `count` were written.
        return unsafe memory[index]
    }

    /// The first field of that name, or nil; `other` has none.
    public func first(_ name: FieldName) -> Int? {
        guard contains(name) else { return nil }
        // Safe: a raw value is below FieldName.capacity, and the bit says the entry was written.
        return unsafe Int(firsts[Int(name.rawValue)])
    }

    /// Whether a field of that name came; never of `other`.
    public func contains(_ name: FieldName) -> Bool {
        present & FieldTable.bit(name) != 0
    }

    /// Whether more than one field of that name came; never of `other`.
    public func isRepeated(_ name: FieldName) -> Bool {
        repeated & FieldTable.bit(name) != 0
    }

    /// How many fields of that name came.
    public func count(of name: FieldName) -> Int {
        guard name == .other || isRepeated(name) else { return contains(name) ? 1 : 0 }
        var found = 0
        for index in 0..<count where unsafe memory[index].known == name { found &+= 1 }
        return found
    }

    mutating func removeAll() {
        count = 0
        present = 0
        repeated = 0
    }

    /// Marks a field as ending at this hop.
    mutating func markHopByHop(_ index: Int) {
        precondition(index >= 0 && index < count)
        // Safe: just checked.
        unsafe memory[index].isHopByHop = true
    }

    /// Reads field lines from `start` to the empty line that ends them.
    ///
    /// - Returns: Position after the empty line; nil when it has not come.
    mutating func parse(_ bytes: Span<UInt8>, from start: Int) throws(HTTPError) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == .carriageReturn {
                guard position &+ 1 < bytes.count else { return nil }
                guard bytes[position &+ 1] == .lineFeed else { throw .fieldMalformed }
                return position &+ 2
            }
            guard let line = try FieldLine.parse(bytes, from: position) else { return nil }
            let name = bytes.extracting(line.name)
            let known = FieldName(name)
            let ends = known == .other ? endsUnderscores && name.hasUnderscore : known.isHopByHop
            try append(line, known, isHopByHop: ends)
            position = line.end
        }
        return nil
    }

    @inline(__always)
    private mutating func append(
        _ line: FieldLine, _ known: FieldName, isHopByHop: Bool
    ) throws(HTTPError) {
        guard count < capacity else { throw .fieldsTooMany }
        // Safe: just checked; a raw value is below FieldName.capacity.
        unsafe memory[count] = Field(
            name: line.name, value: line.value, known: known, isHopByHop: isHopByHop)
        let bit = FieldTable.bit(known)
        if present & bit == 0 {
            unsafe firsts[Int(known.rawValue)] = Int32(truncatingIfNeeded: count)
            present |= bit
        } else {
            repeated |= bit
        }
        count &+= 1
    }

    /// The name's place in the sets; none for `other`.
    @inline(__always)
    private static func bit(_ name: FieldName) -> UInt64 {
        (UInt64(1) << UInt64(name.rawValue)) & ~1
    }
}

extension Span where Element == UInt8 {
    @inline(__always)
    var hasUnderscore: Bool { firstIndex(of: 0x5F, from: 0) != nil }
}
