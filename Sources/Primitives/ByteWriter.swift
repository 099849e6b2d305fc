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

    /// Appends once more what was written at `range`.
    @inlinable
    public mutating func append(copyOf range: Range<Int>) {
        // Positions past an overflow were never written.
        guard range.upperBound <= written else {
            ranOut = true
            return
        }
        guard reserve(range.count) else { return }
        // Safe: both places lie inside the memory, the target behind all that was written.
        unsafe (base + written).update(from: base + range.lowerBound, count: range.count)
        written &+= range.count
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
        var bound: UInt64 = 10
        while size < 20, value >= bound {
            size &+= 1
            // 10^20 does not fit, and is not needed: the loop ends at 20 digits.
            bound = bound &* 10
        }
        guard reserve(size) else { return }
        var rest = value
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
    @inline(__always)
    public mutating func appendHex(_ value: UInt64, digits: Int) {
        precondition(digits > 0 && digits <= 16)
        guard reserve(digits) else { return }
        // All sixteen digits are made at once; those asked for are the last.
        let high = UInt32(truncatingIfNeeded: value >> 32).hexDigits.bigEndian
        let low = UInt32(truncatingIfNeeded: value).hexDigits.bigEndian
        let target = unsafe UnsafeMutableRawPointer(base + written)
        // Safe: reserve checked the bound; each branch stores exactly `digits` bytes.
        if digits == 16 {
            unsafe target.storeBytes(of: high, as: UInt64.self)
            unsafe target.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
        } else if digits == 8 {
            unsafe target.storeBytes(of: low, as: UInt64.self)
        } else {
            unsafe withUnsafeBytes(of: (high, low)) { all in
                unsafe target.copyMemory(
                    from: all.baseAddress.unsafelyUnwrapped + (16 &- digits), byteCount: digits)
            }
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

extension UInt32 {
    /// The eight hexadecimal digits of this number, lower case, one in each byte of a word, the
    /// first in the most significant.
    @inlinable
    var hexDigits: UInt64 {
        var nibbles = UInt64(self)
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 6 carries a nibble past 9 into the high half: those bytes become letters.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
