import COpenSSL

/// Comparisons whose time does not depend on the bytes compared.
public enum ConstantTime {
    /// Whether both have the same bytes; only their lengths may show in the time it takes.
    public static func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        guard left.count > 0 else { return true }
        // Safe: both are read for the length of the call, up to the count that both have.
        return unsafe left.withUnsafeBytes { leftBytes in
            unsafe right.withUnsafeBytes { rightBytes in
                unsafe CRYPTO_memcmp(
                    leftBytes.baseAddress, rightBytes.baseAddress, leftBytes.count) == 0
            }
        }
    }
}
