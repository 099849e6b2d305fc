import Crypto
import Primitives

/// The key of the running epoch, which signs beside the log's own (format §4).
///
/// The private key is made in this process, lies in OpenSSL's secure heap, and is cleared when the
/// next one takes its place: whoever takes over the host later can't sign for the time before.
public struct EpochSigner: ~Copyable, Sendable {
    /// The log's name.
    public let origin: String
    /// The process that writes.
    public let boot: UInt64
    private var number: UInt64
    private var signingKey: SigningKey?
    private var key: NoteKey?

    /// No epoch yet, after the log's epoch `lastNumber`.
    public init(origin: String, boot: UInt64, lastNumber: UInt64) {
        self.origin = origin
        self.boot = boot
        number = lastNumber
    }

    /// The next epoch, whose leaf has the index `first`.
    ///
    /// Certified by the running one; the first lacks the signature of the log's own key.
    public borrowing func propose(at first: UInt64) throws(EvidenceError) -> ProposedEpoch {
        do {
            let made = try SigningKey.generate()
            var certificate = EpochCertificate(
                number: number + 1, first: first, publicKey: made.publicKey,
                signer: key?.name ?? origin)
            if signingKey != nil {
                certificate.signature = try sign(certificate.text(origin: origin, boot: boot))
            }
            let name = try certificate.key(origin: origin)
            return ProposedEpoch(key: made, name: name, certificate: certificate)
        } catch {
            throw .cryptographyFailed
        }
    }

    /// Goes on with `proposed`; the key before it is cleared.
    public mutating func adopt(_ proposed: consuming ProposedEpoch) {
        precondition(proposed.certificate.signature.count == SigningKey.signatureBytes)
        key = proposed.name
        number = proposed.certificate.number
        signingKey = consume proposed.key
    }

    /// The line of the running epoch for a note of this text; nil before the first epoch.
    public borrowing func line(_ text: [UInt8]) throws(EvidenceError) -> SignedNote.Line? {
        guard let key else { return nil }
        do {
            return SignedNote.Line(
                name: key.name, identifier: key.identifier, signature: try sign(text))
        } catch {
            throw .cryptographyFailed
        }
    }

    private borrowing func sign(_ text: [UInt8]) throws(CryptoError) -> [UInt8] {
        switch signingKey {
        case .some(let key): return try key.sign(text.span)
        case .none: throw .keyUnusable
        }
    }
}

/// An epoch that has not begun yet.
public struct ProposedEpoch: ~Copyable, Sendable {
    fileprivate let key: SigningKey
    fileprivate let name: NoteKey
    /// What its leaf will say.
    public var certificate: EpochCertificate
}
