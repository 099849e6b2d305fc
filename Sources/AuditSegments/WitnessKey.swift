import Crypto
import Primitives

/// The public key that a witness's cosignatures are checked with (C2SP tlog-cosignature).
///
/// ```
/// vkey      = name "+" 8 hexadecimal digits of the key id "+" base64(0x04 ‖ public key)
/// key id    = SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public key)[:4]
/// signature = u64 seconds since 1970 ‖ Ed25519 signature of the message
/// message   = "cosignature/v1" LF "time " seconds LF, then the note's text
/// ```
public struct WitnessKey: Equatable, Hashable, Sendable {
    /// The witness's name.
    public let name: String
    /// The first four bytes of the hash over name and key.
    public let identifier: UInt32
    /// Ed25519 public key, 32 bytes.
    public let publicKey: [UInt8]

    private static let cosignature: UInt8 = 0x04
    private static let timeBytes = 8

    /// Parses a `vkey` text.
    public init(_ text: String) throws(EvidenceError) {
        // The base64 may hold plus signs itself, the name may not.
        let pieces = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard pieces.count == 3, pieces[1].utf8.count == 8,
            let claimed = UInt32(pieces[1], radix: 16), WitnessKey.digits(claimed) == pieces[1],
            let key = Base64.decode(Array(pieces[2].utf8).span),
            key.count == SigningKey.keyBytes + 1, key[0] == WitnessKey.cosignature,
            NoteKey.isName(String(pieces[0]))
        else { throw .verifierKeyMalformed }
        name = String(pieces[0])
        publicKey = Array(key.dropFirst())
        identifier = try WitnessKey.identifier(name: name, key: key)
        guard identifier == claimed else { throw .verifierKeyMalformed }
    }

    /// The `vkey` text.
    public var text: String {
        let key = [WitnessKey.cosignature] + publicKey
        return "\(name)+\(identifierText)+\(Base64.encode(key.span))"
    }

    /// The key id as eight hexadecimal digits.
    public var identifierText: String { WitnessKey.digits(identifier) }

    /// Makes sure that the witness cosigned `note`, whatever else signed it.
    ///
    /// - Returns: When it did, in seconds since 1970, by its own clock.
    public func verify(_ note: SignedNote) throws(EvidenceError) -> UInt64 {
        let own = note.lines.filter { $0.name == name && $0.identifier == identifier }
        // A second line of the same key would let a wrong one hide behind a right one.
        guard let line = own.first else { throw .signatureMissing }
        guard own.count == 1,
            line.signature.count == WitnessKey.timeBytes + SigningKey.signatureBytes
        else { throw .noteMalformed }
        let time = line.signature.prefix(WitnessKey.timeBytes).reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        let message = Array("cosignature/v1\ntime \(time)\n".utf8) + note.text
        let signature = Array(line.signature.dropFirst(WitnessKey.timeBytes))
        guard
            Ed25519Verification.verify(
                signature: signature.span, message: message.span, publicKey: publicKey.span)
        else { throw .signatureWrong }
        return time
    }

    private static func digits(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func identifier(name: String, key: [UInt8]) throws(EvidenceError) -> UInt32 {
        do {
            let library = try CryptoLibrary()
            var sha = try SHA256(library)
            let digest = sha.digest((Array(name.utf8) + [0x0A] + key).span)
            return UInt32(truncatingIfNeeded: digest.words.0 >> 32)
        } catch {
            throw .cryptographyFailed
        }
    }
}
