import Primitives

/// R and S of a JSON Web Signature as the DER text that OpenSSL takes (RFC 3279 §2.2.3).
///
/// ```
/// 30 <length> 02 <length> <R> 02 <length> <S>
/// ```
/// A length over 127, which only P-521 reaches, is 81 and one byte. The numbers are positive:
/// leading zeros are dropped, and one stands before a first bit that is set.
struct DERSignature {
    /// Room for 66 bytes and a zero, twice, with heads of 2 bytes, and the outer head of 3.
    private var bytes = InlineArray<141, UInt8>(repeating: 0)
    private var count = 0

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(first: count) }
    }

    /// Writes the DER form of `signature`; false unless it is two numbers of exactly
    /// `coordinateBytes`, neither of them zero.
    mutating func fill(_ signature: Span<UInt8>, coordinateBytes: Int) -> Bool {
        guard signature.count == 2 * coordinateBytes else { return false }
        let r = DERSignature.significant(signature.extracting(first: coordinateBytes))
        let s = DERSignature.significant(signature.extracting(droppingFirst: coordinateBytes))
        guard r.count > 0, s.count > 0 else { return false }
        count = 0
        let inner = 4 + DERSignature.size(r) + DERSignature.size(s)
        append(0x30)
        if inner > 127 { append(0x81) }
        append(UInt8(inner))
        appendInteger(r)
        appendInteger(s)
        return true
    }

    @_lifetime(copy number)
    private static func significant(_ number: Span<UInt8>) -> Span<UInt8> {
        var leading = 0
        while leading < number.count, number[leading] == 0 { leading += 1 }
        return number.extracting(droppingFirst: leading)
    }

    private static func size(_ number: Span<UInt8>) -> Int {
        number.count + (number[0] >= 0x80 ? 1 : 0)
    }

    private mutating func appendInteger(_ number: Span<UInt8>) {
        append(0x02)
        append(UInt8(DERSignature.size(number)))
        if number[0] >= 0x80 { append(0) }
        for offset in 0..<number.count { append(number[offset]) }
    }

    private mutating func append(_ byte: UInt8) {
        bytes[count] = byte
        count += 1
    }
}
