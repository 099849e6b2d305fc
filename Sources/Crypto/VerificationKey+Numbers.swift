import COpenSSL
import Primitives

// Numbers into OpenSSL's keys, each judged before it is used (RFC 8725 §3.4).

/// An RSA key of 2048 to 8192 bits whose numbers pass SP 800-56B's public key check.
@unsafe
func makeRSA(
    modulus: [UInt8], exponent: [UInt8], context: OpaquePointer
) throws(VerificationKeyError) -> OpaquePointer {
    let leading = modulus.prefix { $0 == 0 }.count
    let bits =
        leading == modulus.count
        ? 0 : (modulus.count - leading) * 8 - modulus[leading].leadingZeroBitCount
    guard bits >= VerificationKey.modulusBits.lowerBound else { throw .modulusTooSmall }
    guard bits <= VerificationKey.modulusBits.upperBound else { throw .modulusTooLarge }
    // OpenSSL takes no larger exponent with a large modulus; none larger is in use.
    guard !exponent.isEmpty, exponent.drop(while: { $0 == 0 }).count <= 8 else {
        throw .numbersRefused
    }
    guard let n = unsafe BN_bin2bn(modulus, CInt(modulus.count), nil) else {
        throw .libraryUnavailable
    }
    // Safe: both numbers live until the parameters that were built from them are used.
    defer { unsafe BN_free(n) }
    guard let e = unsafe BN_bin2bn(exponent, CInt(exponent.count), nil) else {
        throw .libraryUnavailable
    }
    defer { unsafe BN_free(e) }
    guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw .libraryUnavailable }
    defer { unsafe OSSL_PARAM_BLD_free(builder) }
    guard unsafe sallyport_push_rsa(builder, n, e) == 1 else { throw .libraryUnavailable }
    let key = unsafe makeKey("RSA", builder: builder, context: context)
    guard let key = unsafe key else { throw .numbersRefused }
    guard unsafe isSound(key, context: context) else {
        unsafe EVP_PKEY_free(key)
        throw .numbersRefused
    }
    return unsafe key
}

/// A key whose point lies on the curve and is not the point at infinity.
@unsafe
func makePoint(
    _ curve: VerificationKeyKind, x: [UInt8], y: [UInt8], context: OpaquePointer
) throws(VerificationKeyError) -> OpaquePointer {
    guard curve.isCurveOfPoints else { throw .numbersRefused }
    guard x.count == curve.coordinateBytes, y.count == curve.coordinateBytes else {
        throw .coordinateLengthWrong
    }
    guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw .libraryUnavailable }
    defer { unsafe OSSL_PARAM_BLD_free(builder) }
    // 4 announces an uncompressed point (SEC 1 §2.3.3).
    let point = [4] + x + y
    // Safe: `point` is copied when the key is made, below.
    let key = unsafe point.withUnsafeBytes { bytes -> OpaquePointer? in
        let isBuilt = unsafe sallyport_push_point(
            builder, CInt(curve.coordinateBytes), bytes.baseAddress, bytes.count)
        guard isBuilt == 1 else { return nil }
        return unsafe makeKey("EC", builder: builder, context: context)
    }
    guard let key = unsafe key else { throw .pointNotOnCurve }
    guard unsafe isSound(key, context: context) else {
        unsafe EVP_PKEY_free(key)
        throw .pointNotOnCurve
    }
    return unsafe key
}

/// An Ed25519 key that is not one of the points of small order.
@unsafe
func makeEd25519(
    _ bytes: [UInt8], context: OpaquePointer
) throws(VerificationKeyError) -> OpaquePointer {
    guard bytes.count == 32 else { throw .coordinateLengthWrong }
    guard !isOfSmallOrder(bytes) else { throw .pointOfSmallOrder }
    guard
        let key = unsafe EVP_PKEY_new_raw_public_key_ex(
            context, "ED25519", nil, bytes, bytes.count)
    else { throw .pointNotOnCurve }
    return unsafe key
}

@unsafe
private func makeKey(
    _ algorithm: String, builder: OpaquePointer, context: OpaquePointer
) -> OpaquePointer? {
    guard let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else { return nil }
    // Safe: the parameters are read for the length of the call; the key is the caller's.
    defer { unsafe OSSL_PARAM_free(parameters) }
    guard let maker = unsafe EVP_PKEY_CTX_new_from_name(context, algorithm, nil) else {
        return nil
    }
    defer { unsafe EVP_PKEY_CTX_free(maker) }
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_fromdata_init(maker) == 1,
        unsafe EVP_PKEY_fromdata(
            maker, &key, sallyport_public_key_selection(), parameters) == 1
    else { return nil }
    return unsafe key
}

@unsafe
private func isSound(_ key: OpaquePointer, context: OpaquePointer) -> Bool {
    guard let checker = unsafe EVP_PKEY_CTX_new_from_pkey(context, key, nil) else { return false }
    defer { unsafe EVP_PKEY_CTX_free(checker) }
    return unsafe EVP_PKEY_public_check(checker) == 1
}

/// Whether `key` encodes a point whose order divides 8, canonically or not, of either sign.
///
/// OpenSSL accepts such keys; under them one signature fits many messages.
private func isOfSmallOrder(_ key: [UInt8]) -> Bool {
    var unsigned = key
    unsigned[31] &= 0x7F
    return smallOrderPoints.contains(unsigned)
}

/// The y coordinates of the points of order 1, 2, 4 and 8, little-endian, and those of them that
/// also fit unreduced (p and p + 1).
private let smallOrderPoints: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32),
    [1] + [UInt8](repeating: 0, count: 31),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [0xee] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
]
