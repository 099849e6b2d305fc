/// Appends bytes to memory that somebody else owns, up to a fixed capacity.
///
/// Running out of room is remembered in `overflowed` and stops all later appends, so that a
/// caller writes a whole message and asks once at its end.
@safe
public struct ByteWriter: ~Copyable {
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    /// Most bytes that fit.
    public let capacity: Int
    /// Bytes written so far.
    @usableFromInline var written: Int
    @usableFromInline var ranOut: Bool

    /// Writes into `memory`, from its `count`th byte on.
    ///
    /// The caller promises that `memory` stays allocated for as long as this value lives.
    @unsafe
    @inlinable
    public init(over memory: UnsafeMutableBufferPointer<UInt8>, count: Int = 0) {
        precondition(count >= 0 && count <= memory.count)
        guard let start = memory.baseAddress else { preconditionFailure("memory of no bytes") }
        unsafe base = start
        capacity = memory.count
        written = count
        ranOut = false
    }

    /// Bytes written so far.
    @inlinable public var count: Int { written }
    /// Whether an append did not fit; nothing was written from there on.
    @inlinable public var overflowed: Bool { ranOut }
    /// Bytes that still fit.
    @inlinable public var room: Int { capacity &- written }

    /// What was written.
    @inlinable
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Safe: the first `written` bytes are initialised and outlive self.
            let bytes = unsafe Span(_unsafeStart: base, count: written)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Forgets what was written after `count`, and any overflow.
    @inlinable
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= written)
        written = count
        ranOut = false
    }

    /// Whether `size` more bytes fit; remembers when they don't.
    @inlinable
    @inline(__always)
    mutating func reserve(_ size: Int) -> Bool {
        if ranOut || size > capacity &- written {
            ranOut = true
            return false
        }
        return true
    }

    /// Appends one byte.
    @inlinable
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        guard reserve(1) else { return }
        // Safe: reserve checked the bound.
        unsafe base[written] = byte
        written &+= 1
    }

    /// Appends all of `bytes`, or none of them.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        let size = bytes.count
        guard reserve(size) else { return }
        // Safe: reserve checked the bound; source and target never overlap (the source is borrowed).
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe (base + written).update(from: start, count: size)
            }
        }
        written &+= size
    }

    /// Appends all of `bytes` with A–Z folded to a–z, or none of them.
    @inlinable
    public mutating func appendLowercased(_ bytes: Span<UInt8>) {
        let size = bytes.count
        guard reserve(size) else { return }
        for offset in 0..<size {
            // Safe: reserve checked the bound.
            unsafe base[written &+ offset] = bytes[offset].asciiLowercased
        }
        written &+= size
    }

    /// Appends the literal's UTF-8.
    @inlinable
    public mutating func append(_ literal: StaticString) {
        let size = literal.utf8CodeUnitCount
        guard reserve(size) else { return }
        // Safe: reserve checked the bound; a StaticString lives as long as the program.
        unsafe (base + written).update(from: literal.utf8Start, count: size)
        written &+= size
    }

    /// Appends `value` in decimal, without padding.
    @inlinable
    public mutating func appendDecimal(_ value: Int64) {
        if value < 0 {
            append(0x2D)
            appendDecimal(magnitude: value.magnitude)
        } else {
            appendDecimal(magnitude: UInt64(value))
        }
    }

    /// Appends `value` in decimal, without padding.
    @inlinable
    public mutating func appendDecimal(magnitude value: UInt64) {
        var size = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            size &+= 1
        }
        guard reserve(size) else { return }
        rest = value
        var position = written &+ size
        repeat {
            position &-= 1
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            // Safe: reserve checked the bound, and position runs down to `written`.
            unsafe base[position] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
            rest = quotient
        } while rest > 0
        written &+= size
    }

    /// Appends the low `digits` hexadecimal digits of `value`, lower case, zero-padded.
    @inlinable
    public mutating func appendHex(_ value: UInt64, digits: Int) {
        precondition(digits > 0 && digits <= 16)
        guard reserve(digits) else { return }
        for position in 0..<digits {
            let nibble =
                UInt8(truncatingIfNeeded: value >> UInt64((digits &- 1 &- position) &* 4)) & 15
            // Safe: reserve checked the bound.
            unsafe base[written &+ position] = nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble
        }
        written &+= digits
    }

    /// Appends 32 hexadecimal digits.
    @inlinable
    public mutating func appendHex(_ identifier: Identifier128) {
        appendHex(identifier.high, digits: 16)
        appendHex(identifier.low, digits: 16)
    }
}
