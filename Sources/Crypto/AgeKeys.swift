import COpenSSL
import Primitives

/// Whom an age file is encrypted to: an X25519 public key, written `age1…`.
public struct AgeRecipient: Equatable, Sendable {
    /// The public key, 32 bytes.
    let publicKey: [UInt8]

    static let prefix = "age"

    init(publicKey: [UInt8]) {
        self.publicKey = publicKey
    }

    /// The recipient that `text` names.
    ///
    /// - Throws: `recipientMalformed`, also for a key that no secret can be shared with.
    public init(_ text: String) throws(CryptoError) {
        guard let bytes = Bech32.decode(Array(text.utf8), prefix: AgeRecipient.prefix),
            bytes.count == X25519Key.keyBytes
        else { throw .recipientMalformed }
        // A point of low order gives the same secret to everybody.
        let probe = try X25519Key.generate()
        guard (try? probe.sharedSecret(with: bytes)) != nil else { throw .recipientMalformed }
        publicKey = bytes
    }

    /// `age1…`.
    public var text: String { Bech32.encode(publicKey, prefix: AgeRecipient.prefix) }
}

/// What opens an age file: an X25519 private key, written `AGE-SECRET-KEY-1…`.
///
/// A class, because files are tried with lists of them, and a key that is not copied can't be in
/// a list.
public final class AgeIdentity: Sendable {
    let key: X25519Key

    static let prefix = "AGE-SECRET-KEY-"

    /// The identity that `text` is.
    public init(_ text: [UInt8]) throws(CryptoError) {
        guard var bytes = Bech32.decode(text, prefix: AgeIdentity.prefix),
            bytes.count == X25519Key.keyBytes
        else { throw .identityMalformed }
        // Safe: the bytes are cleared in place.
        defer { unsafe OPENSSL_cleanse(&bytes, bytes.count) }
        key = try X25519Key(secret: bytes.span)
    }

    /// A new random identity and its text, which is the secret itself.
    public static func generate() throws(CryptoError) -> (identity: AgeIdentity, text: String) {
        let text = Bech32.encode(RandomBytes.bytes(X25519Key.keyBytes), prefix: prefix)
        return (try AgeIdentity(Array(text.utf8)), text)
    }

    /// The identities in an identity file: one a line, blank lines and `#` comments between them.
    ///
    /// - Returns: The identities, or the number of the first line that is none, from 1.
    public static func list(in file: [UInt8]) -> Result<[AgeIdentity], AgeIdentityLineError> {
        var identities: [AgeIdentity] = []
        let lines = file.split(separator: .lineFeed, omittingEmptySubsequences: false)
        for (position, line) in lines.enumerated() {
            let text = line.last == .carriageReturn ? line.dropLast() : line
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            guard let identity = try? AgeIdentity(Array(text)) else {
                return .failure(AgeIdentityLineError(line: position + 1))
            }
            identities.append(identity)
        }
        return .success(identities)
    }

    /// The recipient whose files this opens.
    public var recipient: AgeRecipient { AgeRecipient(publicKey: key.publicKey) }
}

/// A line of an identity file that is no identity; its text may be a secret and is not kept.
public struct AgeIdentityLineError: Error, Equatable, Sendable {
    /// The line's number, from 1.
    public let line: Int
}
