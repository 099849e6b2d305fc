import COpenSSL

/// Unpredictable bytes from OpenSSL's generator.
///
/// A generator that fails ends the process: nothing that this program does is safe without one,
/// and there is no answer that a caller could give instead.
public enum RandomBytes {
    /// Fills `memory`, which the caller promises is allocated.
    @unsafe
    public static func fill(_ memory: UnsafeMutableRawBufferPointer) {
        guard memory.count > 0 else { return }
        guard let count = CInt(exactly: memory.count) else {
            preconditionFailure("more than 2 GiB of random bytes at once")
        }
        let result = unsafe RAND_bytes(
            memory.baseAddress?.assumingMemoryBound(to: UInt8.self), count)
        precondition(result == 1, "no random bytes")
    }

    /// `count` bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        // Safe: all of the array's new memory is filled.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            if let start = memory.baseAddress {
                unsafe fill(UnsafeMutableRawBufferPointer(start: start, count: count))
            }
            filled = count
        }
    }

    /// A 64-bit number.
    public static func number() -> UInt64 {
        var number: UInt64 = 0
        // Safe: the eight bytes of the variable are filled.
        unsafe withUnsafeMutableBytes(of: &number) { unsafe fill($0) }
        return number
    }
}
