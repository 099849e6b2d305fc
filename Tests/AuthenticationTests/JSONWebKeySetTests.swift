import Authentication
import Crypto
import Primitives
import Testing

@Suite struct JSONWebKeySetTests {
    private static let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    private static let good = "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)\""
    private static let pointX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    private static let pointY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

    @Test func `the keys that openssl made are read, except the small one`() throws {
        let set = try TokenVectors.keySet()
        let names = set.keys.map { String(decoding: $0.keyID, as: UTF8.self) }
        #expect(names == ["rsa", "P-256", "P-384", "P-521", "ed25519"])
        #expect(set.keys.map(\.algorithm) == [nil, .ES256, .ES384, .ES512, nil])
        #expect(set.skipped.map(\.index) == [1])
        #expect(set.skipped.map(\.why) == [.refused(.modulusTooSmall)])
    }

    static let skips: [(String, KeySkipReason)] = [
        ("1", .malformed), ("\"x\"", .malformed), ("[{}]", .malformed), ("null", .malformed),
        ("{}", .typeUnknown), ("{\"kty\":1}", .malformed),
        ("{\"kty\":\"oct\",\"k\":\"AAAA\"}", .typeUnknown),
        ("{\"kty\":\"XYZ\"}", .typeUnknown),
        ("{\"kty\":\"okp\",\"crv\":\"Ed25519\"}", .typeUnknown),
        ("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"\(x)\"}", .curveUnknown),
        ("{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"\(x)\"}", .curveUnknown),
        ("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", .numberMalformed),
        ("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)=\"}", .numberMalformed),
        ("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", .refused(.coordinateLengthWrong)),
        ("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"\(x)\",\"y\":\"\(x)\"}", .curveUnknown),
        ("{\"kty\":\"EC\",\"x\":\"\(x)\",\"y\":\"\(x)\"}", .curveUnknown),
        ("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\(x)\"}", .numberMalformed),
        (
            "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\(x)\",\"y\":\"\(x)\"}",
            .refused(.pointNotOnCurve)
        ),
        ("{\"kty\":\"RSA\",\"e\":\"AQAB\"}", .numberMalformed),
        ("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}", .refused(.modulusTooSmall)),
        ("{\(good),\"use\":\"enc\"}", .useOther), ("{\(good),\"use\":7}", .malformed),
        ("{\(good),\"key_ops\":[\"sign\"]}", .operationsOther),
        ("{\(good),\"key_ops\":[]}", .operationsOther),
        ("{\(good),\"key_ops\":\"verify\"}", .malformed),
        ("{\(good),\"key_ops\":{\"verify\":1}}", .malformed),
        ("{\(good),\"key_ops\":[\"verify\",1]}", .malformed),
        ("{\(good),\"alg\":\"ES256\"}", .algorithmUnsuitable),
        ("{\(good),\"alg\":\"none\"}", .algorithmUnsuitable),
        ("{\(good),\"alg\":\"HS256\"}", .algorithmUnsuitable),
        ("{\(good),\"kid\":7}", .malformed),
        ("{\(good),\"kid\":\"\(String(repeating: "k", count: 256))\"}", .keyIDTooLong),
        ("{\(good),\"d\":\"\(x)\"}", .privateKeyPublished),
    ]

    @Test(arguments: skips)
    func `a key that cannot be used is skipped and does not void the set`(
        key: String, why: KeySkipReason
    ) throws {
        let json =
            "{\"x\":[1],\"keys\":[{\(Self.good),\"kid\":\"a\"},\(key),{\(Self.good),\"kid\":\"b\"}]}"
        let set = try JSONWebKeySet(json: Array(json.utf8))
        #expect(set.keys.map { $0.keyID } == [Array("a".utf8), Array("b".utf8)])
        #expect(set.skipped.map(\.index) == [1])
        #expect(set.skipped.map(\.why) == [why])
    }

    @Test(arguments: [
        "", ",\"use\":\"sig\"", ",\"key_ops\":[\"sign\",\"verify\"]", ",\"alg\":\"EdDSA\"",
        ",\"alg\":\"Ed25519\"", ",\"x5c\":[\"MIIB\"],\"x5u\":\"https://a.example\"",
        ",\"unknown\":{\"kty\":[1,2]}", ",\"kid\":\"\\u00e9\"",
    ])
    func `members that are unknown or fit do no harm`(extra: String) throws {
        let set = try JSONWebKeySet(json: Array("{\"keys\":[{\(Self.good)\(extra)}]}".utf8))
        #expect(set.keys.count == 1)
        #expect(set.skipped.isEmpty)
    }

    @Test(arguments: ["{}", "[]", "{\"keys\":{}}", "{\"keys\":null}", "{\"key\":[]}", "7"])
    func `a text without an array of keys is no set`(json: String) {
        #expect(throws: KeySetError.keysMissing) { try JSONWebKeySet(json: Array(json.utf8)) }
    }

    @Test(arguments: [
        "", "{\"keys\":[}", "{\"keys\":[]", "{\"keys\":[]} x", "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"kty\":\"EC\"}]}",
    ])
    func `a text that is no JSON, or has a duplicate name, is no set`(json: String) {
        #expect(throws: KeySetError.self) { try JSONWebKeySet(json: Array(json.utf8)) }
    }

    @Test func `a set has limits`() {
        let many = "{\"keys\":[" + (0...256).map { _ in "1" }.joined(separator: ",") + "]}"
        #expect(throws: KeySetError.tooManyKeys(limit: 256)) {
            try JSONWebKeySet(json: Array(many.utf8))
        }
        let large = [UInt8](repeating: 0x20, count: (1 << 20) + 1)
        #expect(throws: KeySetError.tooLarge(limitBytes: 1 << 20)) {
            try JSONWebKeySet(json: large)
        }
    }

    @Test func `an empty set is a set`() throws {
        #expect(try JSONWebKeySet(json: Array("{\"keys\":[]}".utf8)).keys.isEmpty)
    }

    @Test func `a key for one algorithm verifies no other of its kind`() throws {
        // The same RSA key, once for RS256 only.
        let set = try TokenVectors.keySet()
        var key = set.keys[0]
        guard case .rsa(let modulus, let exponent) = key.numbers else { return }
        key.algorithm = .RS256
        let json =
            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"alg\":\"RS256\",\"n\":\""
            + Base64URL.encode(modulus.span) + "\",\"e\":\"" + Base64URL.encode(exponent.span)
            + "\"}]}"
        let tokens = try TokenVectors.tokens()
        var bench = try Bench([.example(keys: try JSONWebKeySet(json: Array(json.utf8)))])
        let good = bench.judge(try #require(tokens["RS256"])).refusal
        let other = bench.judge(try #require(tokens["PS256"])).refusal
        #expect(good == nil)
        #expect(other == .tokenKeyUnsuitable)
    }
}
