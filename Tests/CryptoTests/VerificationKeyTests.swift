import Crypto
import Primitives
import Testing

private func bytes(_ text: String) -> [UInt8] {
    Base64URL.decode(Array(text.utf8).span) ?? []
}

/// The examples of RFC 7515 appendix A.2–A.4 and RFC 8037 appendix A.4.
private struct Example: CustomTestStringConvertible, Sendable {
    var algorithm: SignatureAlgorithm
    var numbers: PublicKeyNumbers
    var message: String
    var signature: String
    var testDescription: String { "\(algorithm)" }

    static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

    static let all: [Example] = [
        Example(
            algorithm: .RS256,
            numbers: .rsa(
                modulus: bytes(
                    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"
                        + "-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW"
                        + "vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
                        + "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9k"
                        + "G4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2"
                        + "PAcDTW9gb54h4FRWyuXpoQ"), exponent: bytes("AQAB")),
            message: "eyJhbGciOiJSUzI1NiJ9." + claims,
            signature:
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
                + "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
                + "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
                + "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
                + "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
                + "p0igcN_IoypGlUPQGe77Rw"),
        Example(
            algorithm: .ES256,
            numbers: .point(
                .p256, x: bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                y: bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")),
            message: "eyJhbGciOiJFUzI1NiJ9." + claims,
            signature:
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
                + "pmWQxfKTUJqPP3-Kg6NU1Q"),
        Example(
            algorithm: .ES512,
            numbers: .point(
                .p521,
                x: bytes(
                    "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvL"
                        + "FV1jSfS9tsz4qUxcWceqwQGk"),
                y: bytes(
                    "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4K"
                        + "kd0AZMaZmh9ubmf63e3kyMj2")),
            message: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
            signature:
                "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq"
                + "wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp"
                + "EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"),
        Example(
            algorithm: .EdDSA,
            numbers: .ed25519(bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
            message: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            signature:
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
                + "hVsPt9g7sVvpAr_MuM0KAg"),
    ]
}

private func refusal(_ numbers: PublicKeyNumbers) throws -> VerificationKeyError? {
    let library = try CryptoLibrary()
    do throws(VerificationKeyError) {
        _ = try VerificationKey(numbers, library: library)
        return nil
    } catch {
        return error
    }
}

@Suite struct VerificationKeyTests {
    @Test(arguments: Example.all)
    fileprivate func `the RFC's example verifies, again and again`(example: Example) throws {
        let library = try CryptoLibrary()
        var key = try VerificationKey(example.numbers, library: library)
        let signature = bytes(example.signature)
        let message = Array(example.message.utf8)
        for _ in 0..<3 {
            let isGood = key.verifies(
                signature.span, over: message.span, algorithm: example.algorithm)
            #expect(isGood)
            // A refusal between does not disturb the next.
            let isOther = key.verifies(
                signature.span, over: message.span.extracting(droppingLast: 1),
                algorithm: example.algorithm)
            #expect(!isOther)
        }
    }

    @Test(arguments: Example.all)
    fileprivate func `no byte of a signature may be other, and none may be missing or more`(
        example: Example
    ) throws {
        let library = try CryptoLibrary()
        var key = try VerificationKey(example.numbers, library: library)
        let signature = bytes(example.signature)
        let message = Array(example.message.utf8)
        var variants = [[], Array(signature.dropLast()), signature + [0], [0] + signature]
        for place in stride(from: 0, to: signature.count, by: 7) {
            var other = signature
            other[place] ^= 1
            variants.append(other)
        }
        variants.append([UInt8](repeating: 0, count: signature.count))
        for variant in variants {
            let isGood = key.verifies(
                variant.span, over: message.span, algorithm: example.algorithm)
            #expect(!isGood)
        }
    }

    @Test(arguments: Example.all)
    fileprivate func `another algorithm than the signature's does not verify`(
        example: Example
    ) throws {
        let library = try CryptoLibrary()
        var key = try VerificationKey(example.numbers, library: library)
        let signature = bytes(example.signature)
        let message = Array(example.message.utf8)
        for algorithm in SignatureAlgorithm.allCases where algorithm != example.algorithm {
            let isGood = key.verifies(signature.span, over: message.span, algorithm: algorithm)
            #expect(!isGood)
        }
    }

    @Test func `a DER signature is no JSON Web Signature`() throws {
        let library = try CryptoLibrary()
        let example = Example.all[1]
        var key = try VerificationKey(example.numbers, library: library)
        let raw = bytes(example.signature)
        let r = Array(raw.prefix(32))
        let s = Array(raw.suffix(32))
        let der = [0x30, 0x45, 0x02, 0x20] + r + [0x02, 0x21, 0x00] + s
        let message = Array(example.message.utf8)
        let isGood = key.verifies(der.span, over: message.span, algorithm: .ES256)
        #expect(!isGood)
    }

    @Test func `an RSA modulus has 2048 to 8192 bits`() throws {
        let small = [0x80] + [UInt8](repeating: 0xFF, count: 255)
        #expect(
            try refusal(.rsa(modulus: [0x7F] + small.dropFirst(), exponent: [3]))
                == .modulusTooSmall)
        #expect(
            try refusal(.rsa(modulus: [0, 0] + small.dropLast(), exponent: [3])) == .modulusTooSmall
        )
        #expect(try refusal(.rsa(modulus: [], exponent: [3])) == .modulusTooSmall)
        let large = [1] + [UInt8](repeating: 0xFF, count: 1024)
        #expect(try refusal(.rsa(modulus: large, exponent: [3])) == .modulusTooLarge)
    }

    @Test func `RSA numbers that no generator makes are refused`() throws {
        guard case .rsa(let modulus, _) = Example.all[0].numbers else { return }
        for exponent in [[], [0], [1], [2], [0x01, 0x00, 0x00], [1, 0, 0, 0, 0, 0, 0, 0, 1]]
            as [[UInt8]]
        {
            #expect(try refusal(.rsa(modulus: modulus, exponent: exponent)) == .numbersRefused)
        }
        var even = modulus
        even[255] &= 0xFE
        #expect(try refusal(.rsa(modulus: even, exponent: [1, 0, 1])) == .numbersRefused)
    }

    @Test func `a point must lie on its curve, with coordinates of full length`() throws {
        guard case .point(_, let x, let y) = Example.all[1].numbers else { return }
        var other = y
        other[31] ^= 1
        #expect(try refusal(.point(.p256, x: x, y: other)) == .pointNotOnCurve)
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(try refusal(.point(.p256, x: zero, y: zero)) == .pointNotOnCurve)
        let ones = [UInt8](repeating: 0xFF, count: 32)
        #expect(try refusal(.point(.p256, x: ones, y: y)) == .pointNotOnCurve)
        #expect(try refusal(.point(.p256, x: x, y: Array(y.dropLast()))) == .coordinateLengthWrong)
        #expect(try refusal(.point(.p256, x: [0] + x, y: y)) == .coordinateLengthWrong)
        #expect(try refusal(.point(.p384, x: x, y: y)) == .coordinateLengthWrong)
        #expect(try refusal(.point(.rsa, x: x, y: y)) == .numbersRefused)
    }

    @Test(
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ])
    func `an Ed25519 point of small order is refused`(hex: String) throws {
        let digits = Array(hex.utf8)
        let key = (0..<32).map { place in
            (digits[2 * place].hexValue ?? 0) << 4 | (digits[2 * place + 1].hexValue ?? 0)
        }
        #expect(try refusal(.ed25519(key)) == .pointOfSmallOrder)
    }

    @Test func `an Ed25519 key has 32 bytes`() throws {
        #expect(try refusal(.ed25519([1, 2, 3])) == .coordinateLengthWrong)
    }
}

@Suite struct SignatureAlgorithmTests {
    @Test(arguments: SignatureAlgorithm.allCases)
    func `a name leads back to its algorithm`(algorithm: SignatureAlgorithm) {
        #expect(SignatureAlgorithm(name: "\(algorithm.name)") == algorithm)
    }

    @Test func `Ed25519 is the same as EdDSA`() {
        #expect(SignatureAlgorithm(name: "Ed25519") == .EdDSA)
    }

    @Test(arguments: [
        "none", "None", "HS256", "HS512", "rs256", "RS256 ", "", "ES256K", "Ed448", "RSA-OAEP",
    ])
    func `no other name is one`(name: String) {
        #expect(SignatureAlgorithm(name: name) == nil)
    }
}
