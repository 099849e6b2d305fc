import Crypto
import Primitives

/// The public key that a note's line is checked with (C2SP signed-note, `vkey`).
///
/// ```
/// vkey   = name "+" 8 hexadecimal digits of the key id "+" base64(0x01 ‖ public key)
/// key id = SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4]
/// ```
public struct NoteKey: Equatable, Hashable, Sendable {
    /// The key's name; for a log's own key, its origin.
    public let name: String
    /// The first four bytes of the hash over name and key.
    public let identifier: UInt32
    /// Ed25519 public key, 32 bytes.
    public let publicKey: [UInt8]

    private static let ed25519: UInt8 = 0x01

    /// The key `publicKey` under `name`.
    public init(name: String, publicKey: [UInt8]) throws(EvidenceError) {
        guard NoteKey.isName(name) else { throw .nameMalformed }
        guard publicKey.count == SigningKey.keyBytes else { throw .verifierKeyMalformed }
        self.name = name
        self.publicKey = publicKey
        identifier = try NoteKey.identifier(name: name, publicKey: publicKey)
    }

    /// Parses a `vkey` text.
    public init(_ text: String) throws(EvidenceError) {
        // The base64 may hold plus signs itself, the name may not.
        let pieces = text.split(
            separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard pieces.count == 3, pieces[1].utf8.count == 8,
            pieces[1].utf8.allSatisfy({ $0.isASCIIDigit || (0x61...0x66).contains($0) }),
            let claimed = UInt32(pieces[1], radix: 16),
            let key = Base64.decode(Array(pieces[2].utf8).span),
            key.count == SigningKey.keyBytes + 1, key[0] == NoteKey.ed25519
        else { throw .verifierKeyMalformed }
        try self.init(name: String(pieces[0]), publicKey: Array(key.dropFirst()))
        guard identifier == claimed else { throw .verifierKeyMalformed }
    }

    /// The `vkey` text.
    public var text: String {
        let digits = String(identifier, radix: 16)
        let padded = String(repeating: "0", count: 8 - digits.count) + digits
        let key = [NoteKey.ed25519] + publicKey
        return "\(name)+\(padded)+\(Base64.encode(key.span))"
    }

    /// Whether `name` may name a key: not empty, no white space or control, no plus sign.
    public static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                !$0.properties.isWhitespace && $0 != "+" && $0.value > 0x20 && $0.value != 0x7F
            }
    }

    private static func identifier(
        name: String, publicKey: [UInt8]
    ) throws(EvidenceError) -> UInt32 {
        do {
            let library = try CryptoLibrary()
            var sha = try SHA256(library)
            let digest = sha.digest((Array(name.utf8) + [0x0A, ed25519] + publicKey).span)
            return UInt32(truncatingIfNeeded: digest.words.0 >> 32)
        } catch {
            throw .cryptographyFailed
        }
    }
}

/// A text and signatures over it (C2SP signed-note).
public struct SignedNote: Equatable, Sendable {
    /// One signature line: `— name base64(key id ‖ signature)`.
    public struct Line: Equatable, Sendable {
        /// Name of the key.
        public var name: String
        /// The key id.
        public var identifier: UInt32
        /// The signature, without the key id.
        public var signature: [UInt8]

        /// A line of these values.
        public init(name: String, identifier: UInt32, signature: [UInt8]) {
            self.name = name
            self.identifier = identifier
            self.signature = signature
        }
    }

    /// What is signed, its last line feed included.
    public var text: [UInt8]
    /// The signature lines, in order.
    public var lines: [Line]

    /// An em dash and a space begin each signature line.
    private static let mark: [UInt8] = [0xE2, 0x80, 0x94, 0x20]
    /// Longest note that is read, in bytes.
    public static let limitBytes = 1 << 16

    /// A note of this text and these lines.
    public init(text: [UInt8], lines: [Line]) {
        self.text = text
        self.lines = lines
    }

    /// Parses a whole note.
    public init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= SignedNote.limitBytes, bytes.last == .lineFeed,
            String(validating: bytes, as: UTF8.self) != nil
        else { throw .noteMalformed }
        // The signatures follow the last blank line.
        var split: Int?
        for offset in stride(from: bytes.count - 2, through: 1, by: -1)
        where bytes[offset] == .lineFeed && bytes[offset - 1] == .lineFeed {
            split = offset
            break
        }
        guard let split else { throw .noteMalformed }
        text = Array(bytes[..<split])
        lines = []
        for line in bytes[(split + 1)...].dropLast().split(
            separator: .lineFeed, omittingEmptySubsequences: false)
        {
            lines.append(try SignedNote.line(Array(line)))
        }
        guard !lines.isEmpty else { throw .noteMalformed }
    }

    private static func line(_ bytes: [UInt8]) throws(EvidenceError) -> Line {
        guard bytes.starts(with: mark) else { throw .noteMalformed }
        let pieces = bytes.dropFirst(mark.count).split(
            separator: .space, omittingEmptySubsequences: false)
        guard pieces.count == 2, let blob = Base64.decode(Array(pieces[1]).span), blob.count > 4
        else { throw .noteMalformed }
        let name = String(decoding: pieces[0], as: UTF8.self)
        guard NoteKey.isName(name) else { throw .noteMalformed }
        let identifier = blob[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Line(name: name, identifier: identifier, signature: Array(blob.dropFirst(4)))
    }

    /// The note's bytes.
    public var bytes: [UInt8] {
        var bytes = text + [.lineFeed]
        for line in lines {
            let blob = (0..<4).map { UInt8(truncatingIfNeeded: line.identifier >> (24 - 8 * $0)) }
            let signature = Base64.encode((blob + line.signature).span)
            bytes += SignedNote.mark + Array("\(line.name) \(signature)\n".utf8)
        }
        return bytes
    }

    /// Makes sure that a line of `key` holds. Lines of other keys are left alone, as C2SP says.
    public func verify(_ key: NoteKey) throws(EvidenceError) {
        var seen = false
        for line in lines where line.name == key.name && line.identifier == key.identifier {
            // A second line of the same key would let a wrong one hide behind a right one.
            guard !seen else { throw .noteMalformed }
            seen = true
            guard
                Ed25519Verification.verify(
                    signature: line.signature.span, message: text.span,
                    publicKey: key.publicKey.span)
            else { throw .signatureWrong }
        }
        guard seen else { throw .signatureMissing }
    }
}
