import AuditRecords
import Crypto
import Primitives

/// What a kind-8 leaf says: from its index on, checkpoints are signed by this key too (format §4).
///
/// In the record's core it is the member `epoch`; in the account of an encrypted batch, whose
/// records nobody here can open, it stands in the clear. It needs no other proof than itself:
/// ```
/// {"first":index of the leaf,"key":base64(public key[32]),"number":n,
///  "signature":base64(signature[64]),"signer":key name}
/// ```
/// What is signed is the text of a signed note (C2SP signed-note), whose one line is the signer's:
/// ```
/// sallyport epoch key v1 ⏎ origin ⏎ boot (16 hexadecimal digits) ⏎ n ⏎ first ⏎ key ⏎
/// ```
/// No checkpoint begins like this, so that neither signature can stand for the other.
public struct EpochCertificate: Equatable, Sendable {
    /// Counts the epochs of a log from 1, over all boots.
    public var number: UInt64
    /// Index of the leaf: checkpoints for more entries than that need the key's line.
    public var first: UInt64
    /// Ed25519 public key, 32 bytes.
    public var publicKey: [UInt8]
    /// Name of the key that certifies: the epoch before, or the log's own for a boot's first.
    public var signer: String
    /// Its signature over `text`; empty before it is made.
    public var signature: [UInt8]

    /// First line of what is signed.
    public static let mark = "sallyport epoch key v1"

    /// A certificate of these values.
    public init(
        number: UInt64, first: UInt64, publicKey: [UInt8], signer: String,
        signature: [UInt8] = []
    ) {
        self.number = number
        self.first = first
        self.publicKey = publicKey
        self.signer = signer
        self.signature = signature
    }

    /// Reads the certificate in the core of a kind-8 record.
    public init(core: [UInt8]) throws(EvidenceError) {
        guard let object = CanonicalObject(core).object("epoch") else { throw .epochMalformed }
        try self.init(object)
    }

    init(_ object: CanonicalObject) throws(EvidenceError) {
        guard let number = object.integer("number"), number > 0,
            let first = object.integer("first"), first >= 0,
            let key = object.string("key").flatMap({ Base64.decode(Array($0.utf8).span) }),
            key.count == SigningKey.keyBytes, let signer = object.string("signer"),
            NoteKey.isName(signer),
            let signature = object.string("signature").flatMap({
                Base64.decode(Array($0.utf8).span)
            }), signature.count == SigningKey.signatureBytes
        else { throw .epochMalformed }
        self.init(
            number: UInt64(number), first: UInt64(first), publicKey: key, signer: signer,
            signature: signature)
    }

    /// The certificate as records and accounts hold it.
    public var value: CanonicalValue {
        .object([
            "first": .count(first), "key": .string(Base64.encode(publicKey.span)),
            "number": .count(number), "signature": .string(Base64.encode(signature.span)),
            "signer": .string(signer),
        ])
    }

    /// What is signed, for the process `boot` of the log `origin`.
    public func text(origin: String, boot: UInt64) -> [UInt8] {
        let key = Base64.encode(publicKey.span)
        return Array(
            "\(EpochCertificate.mark)\n\(origin)\n\(boot.hexText)\n\(number)\n\(first)\n\(key)\n"
                .utf8)
    }

    /// The name of epoch `number` of the log `origin`.
    public static func name(origin: String, number: UInt64) -> String { "\(origin)/e\(number)" }

    /// The number in the name of an epoch's key of the log `origin`; nil for other names.
    public static func number(name: String, origin: String) -> UInt64? {
        guard name.hasPrefix("\(origin)/e"),
            let number = UInt64(name.dropFirst(origin.utf8.count + 2)),
            self.name(origin: origin, number: number) == name
        else { return nil }
        return number
    }

    /// The key that it certifies.
    public func key(origin: String) throws(EvidenceError) -> NoteKey {
        try NoteKey(
            name: EpochCertificate.name(origin: origin, number: number), publicKey: publicKey)
    }

    /// Makes sure that `signer` certified it for the process `boot` of the log `origin`.
    public func verify(
        _ signer: NoteKey, origin: String, boot: UInt64
    ) throws(EvidenceError) {
        guard self.signer == signer.name else { throw .epochSignerWrong }
        guard
            Ed25519Verification.verify(
                signature: signature.span, message: text(origin: origin, boot: boot).span,
                publicKey: signer.publicKey.span)
        else { throw .epochCertificateWrong }
    }
}
