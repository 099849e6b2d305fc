import Crypto
import Primitives

/// The members of one JSON Web Key that decide something, as bytes and not yet judged.
struct JSONWebKeyText {
    var type: [UInt8]?
    var keyID: [UInt8]?
    var use: [UInt8]?
    var operations: [[UInt8]]?
    var algorithm: [UInt8]?
    var curve: [UInt8]?
    var n: [UInt8]?
    var e: [UInt8]?
    var x: [UInt8]?
    var y: [UInt8]?
    var hasPrivateNumbers = false
    /// Whether a member above has another type than the RFC gives it.
    var isMalformed = false

    /// The elements of `keys`, nil for one that is no object; nil when the text is no key set.
    static func readSet(_ bytes: Span<UInt8>) throws(JSONError) -> [JSONWebKeyText?]? {
        var reader = JSONReader(bytes)
        guard try reader.next() == .objectStart else { return nil }
        var result: [JSONWebKeyText?]?
        while case .name(let name) = try reader.next() {
            guard bytes.jsonText(name, equals: "keys") else {
                _ = try reader.skipValue()
                continue
            }
            guard try reader.next() == .arrayStart else { return nil }
            result = try readArray(&reader, bytes: bytes)
        }
        guard try reader.next() == .end else { return nil }
        return result
    }

    @_lifetime(reader: copy reader)
    private static func readArray(
        _ reader: inout JSONReader, bytes: Span<UInt8>
    ) throws(JSONError) -> [JSONWebKeyText?] {
        var result: [JSONWebKeyText?] = []
        let outer = reader.depth
        while true {
            let token = try reader.next()
            if token == .objectStart {
                result.append(try read(&reader, bytes: bytes))
            } else if reader.depth < outer {
                return result
            } else {
                result.append(nil)
                while reader.depth > outer { _ = try reader.next() }
            }
        }
    }

    /// Reads one key; its `{` was read.
    @_lifetime(reader: copy reader)
    private static func read(
        _ reader: inout JSONReader, bytes: Span<UInt8>
    ) throws(JSONError) -> JSONWebKeyText {
        var key = JSONWebKeyText()
        while case .name(let name) = try reader.next() {
            if let member = member(bytes, name) {
                let value = try reader.skipValue()
                guard let text = text(of: value, in: bytes) else {
                    key.isMalformed = true
                    continue
                }
                key[keyPath: member] = text
            } else if bytes.jsonText(name, equals: "key_ops") {
                try key.readOperations(&reader, bytes: bytes)
            } else {
                if isPrivate(bytes, name) { key.hasPrivateNumbers = true }
                _ = try reader.skipValue()
            }
        }
        return key
    }

    @_lifetime(reader: copy reader)
    private mutating func readOperations(
        _ reader: inout JSONReader, bytes: Span<UInt8>
    ) throws(JSONError) {
        let outer = reader.depth
        guard try reader.next() == .arrayStart else {
            isMalformed = true
            while reader.depth > outer { _ = try reader.next() }
            return
        }
        var found: [[UInt8]] = []
        while reader.depth > outer {
            if case .string(let text) = try reader.next() {
                found.append(bytes.jsonBytes(text))
            } else if reader.depth > outer {
                isMalformed = true
            }
        }
        operations = found
    }

    private static func member(
        _ bytes: Span<UInt8>, _ name: JSONText
    ) -> WritableKeyPath<JSONWebKeyText, [UInt8]?>? {
        if bytes.jsonText(name, equals: "kty") { return \.type }
        if bytes.jsonText(name, equals: "kid") { return \.keyID }
        if bytes.jsonText(name, equals: "use") { return \.use }
        if bytes.jsonText(name, equals: "alg") { return \.algorithm }
        if bytes.jsonText(name, equals: "crv") { return \.curve }
        if bytes.jsonText(name, equals: "n") { return \.n }
        if bytes.jsonText(name, equals: "e") { return \.e }
        if bytes.jsonText(name, equals: "x") { return \.x }
        if bytes.jsonText(name, equals: "y") { return \.y }
        return nil
    }

    /// RFC 7518 §6.2.2 and §6.3.2.
    private static func isPrivate(_ bytes: Span<UInt8>, _ name: JSONText) -> Bool {
        bytes.jsonText(name, equals: "d") || bytes.jsonText(name, equals: "p")
            || bytes.jsonText(name, equals: "q")
    }

    /// What the JSON string in `range` stands for; nil when it is no string.
    private static func text(of range: ByteRange, in bytes: Span<UInt8>) -> [UInt8]? {
        let value = bytes.extracting(range)
        var reader = JSONReader(value)
        guard let token = try? reader.next(), case .string(let text) = token else { return nil }
        return value.jsonBytes(text)
    }

    /// The key that these members make, or why there is none.
    func judged(library: borrowing CryptoLibrary) throws(KeySkip) -> JSONWebKey {
        guard !isMalformed else { throw KeySkip(why: .malformed) }
        let numbers = try numbers()
        let keyID = keyID ?? []
        guard keyID.count <= JSONWebKeySet.mostKeyIDBytes else {
            throw KeySkip(why: .keyIDTooLong)
        }
        guard !hasPrivateNumbers else { throw KeySkip(why: .privateKeyPublished) }
        if let use, use != Array("sig".utf8) { throw KeySkip(why: .useOther) }
        if let operations, !operations.contains(Array("verify".utf8)) {
            throw KeySkip(why: .operationsOther)
        }
        var key = JSONWebKey(keyID: keyID, algorithm: nil, numbers: numbers)
        if let algorithm {
            guard let known = SignatureAlgorithm(name: algorithm.span), known.keyKind == key.kind
            else { throw KeySkip(why: .algorithmUnsuitable) }
            key.algorithm = known
        }
        do throws(VerificationKeyError) {
            _ = try VerificationKey(numbers, library: library)
        } catch {
            throw KeySkip(why: .refused(error))
        }
        return key
    }

    private func numbers() throws(KeySkip) -> PublicKeyNumbers {
        guard let type else { throw KeySkip(why: .typeUnknown) }
        switch String(decoding: type, as: UTF8.self) {
        case "RSA":
            return .rsa(modulus: try number(n), exponent: try number(e))
        case "EC":
            let kinds: [String: VerificationKeyKind] = [
                "P-256": .p256, "P-384": .p384, "P-521": .p521,
            ]
            guard let kind = kinds[String(decoding: curve ?? [], as: UTF8.self)] else {
                throw KeySkip(why: .curveUnknown)
            }
            return .point(kind, x: try number(x), y: try number(y))
        case "OKP":
            guard curve == Array("Ed25519".utf8) else { throw KeySkip(why: .curveUnknown) }
            return .ed25519(try number(x))
        default:
            throw KeySkip(why: .typeUnknown)
        }
    }

    private func number(_ text: [UInt8]?) throws(KeySkip) -> [UInt8] {
        guard let text, !text.isEmpty, let bytes = Base64URL.decode(text.span) else {
            throw KeySkip(why: .numberMalformed)
        }
        return bytes
    }
}
