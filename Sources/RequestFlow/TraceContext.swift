import HTTP
import Primitives

/// A W3C trace context (Trace Context §3.2): which distributed trace a request belongs to.
public struct TraceContext: Sendable, BitwiseCopyable, Equatable {
    /// The whole trace.
    public var traceID: Identifier128
    /// Our own part of it, which the upstream sees as its parent.
    public var spanID: UInt64
    /// The flags as they came; the log does not depend on them.
    public var flags: UInt8

    /// A context of these parts.
    public init(traceID: Identifier128, spanID: UInt64, flags: UInt8) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
    }

    /// Parses a `traceparent` value: `00-<32 hex>-<16 hex>-<2 hex>`, lower case.
    ///
    /// Nil for anything else, for version `ff` and for ids of zeros. Later versions may have more
    /// behind the flags (§4.3).
    public init?(_ value: Span<UInt8>) {
        guard value.count >= 55, value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D,
            let version = TraceContext.hex(value, at: 0, digits: 2), version != 0xFF,
            value.count == 55 || (version > 0 && value[55] == 0x2D),
            let high = TraceContext.hex(value, at: 3, digits: 16),
            let low = TraceContext.hex(value, at: 19, digits: 16), high | low != 0,
            let parent = TraceContext.hex(value, at: 36, digits: 16), parent != 0,
            let flags = TraceContext.hex(value, at: 53, digits: 2)
        else { return nil }
        traceID = Identifier128(high: high, low: low)
        spanID = parent
        self.flags = UInt8(flags)
    }

    private static func hex(_ value: Span<UInt8>, at start: Int, digits: Int) -> UInt64? {
        var number: UInt64 = 0
        for offset in start..<start + digits {
            let byte = value[offset]
            guard let digit = byte.hexValue, byte == byte.asciiLowercased else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}

extension ByteWriter {
    /// Appends a `traceparent` value of version 00.
    mutating func append(_ trace: TraceContext) {
        append("00-")
        appendHex(trace.traceID)
        append(0x2D)
        appendHex(trace.spanID, digits: 16)
        append(0x2D)
        appendHex(UInt64(trace.flags), digits: 2)
    }

    /// Appends `identifier` as a UUID (RFC 9562 §4).
    mutating func appendUUID(_ identifier: Identifier128) {
        appendHex(identifier.high >> 32, digits: 8)
        append(0x2D)
        appendHex(identifier.high >> 16 & 0xFFFF, digits: 4)
        append(0x2D)
        appendHex(identifier.high & 0xFFFF, digits: 4)
        append(0x2D)
        appendHex(identifier.low >> 48, digits: 4)
        append(0x2D)
        appendHex(identifier.low & 0xFFFF_FFFF_FFFF, digits: 12)
    }
}

/// Identifiers that no two requests share. Unique, not secret. One worker owns it.
public struct IdentifierSource: ~Copyable {
    private var state: (UInt64, UInt64)

    /// Begins at a seed from the kernel's random numbers.
    public init(seed: (UInt64, UInt64)) {
        state = seed
    }

    /// A UUID version 7 (RFC 9562 §5.7): the time in milliseconds, then random bits.
    public mutating func requestID(now: WallTime) -> Identifier128 {
        let random = next()
        let milliseconds = UInt64(bitPattern: now.microseconds / 1000)
        return Identifier128(
            high: milliseconds << 16 | 0x7000 | next() >> 52,
            low: 0x8000_0000_0000_0000 | random >> 2)
    }

    /// A trace id; never zero.
    public mutating func traceID() -> Identifier128 {
        Identifier128(high: next(), low: next() | 1)
    }

    /// A span id; never zero.
    public mutating func spanID() -> UInt64 { next() | 1 }

    /// SplitMix64 over two seeds (Steele, Lea, Flood 2014).
    private mutating func next() -> UInt64 {
        state.0 &+= 0x9E37_79B9_7F4A_7C15
        var value = state.0 ^ state.1
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
