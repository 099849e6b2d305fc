import Crypto
import Primitives

/// What a proxy asks of the process that holds the log's own key (`sallyport signer`).
///
/// One message of a `SOCK_SEQPACKET` socket each, so that nothing has to be cut or put together:
/// ```
/// key ⏎ origin ⏎                    → ok ⏎ base64(public key) ⏎
/// seen ⏎ name of the logs ⏎          → ok ⏎ (origin SPACE size SPACE base64(root) ⏎) …
/// checkpoint ⏎ text of the note      → ok ⏎ base64(signature) ⏎
/// epoch ⏎ text of the certificate    → ok ⏎ base64(signature) ⏎
///                                    or refused ⏎ why, one of `SignerRefusal` ⏎
/// ```
/// The signer parses what it signs and signs what it parsed: no other text gets a signature.
public enum SignerRequest: Equatable, Sendable {
    /// The public key with which `origin` is signed.
    case key(origin: String)
    /// What was signed for logs of this name, whatever their id.
    case seen(name: String)
    /// A signature over this checkpoint's text.
    case checkpoint(Checkpoint)
    /// A signature over the certificate of a boot's first epoch.
    case epoch(EpochCertificate, origin: String, boot: UInt64)

    /// Longest request.
    public static let limitBytes = 2048

    /// The message.
    public var bytes: [UInt8] {
        switch self {
        case .key(let origin): Array("key\n\(origin)\n".utf8)
        case .seen(let name): Array("seen\n\(name)\n".utf8)
        case .checkpoint(let checkpoint): Array("checkpoint\n".utf8) + checkpoint.text
        case .epoch(let certificate, let origin, let boot):
            Array("epoch\n".utf8) + certificate.text(origin: origin, boot: boot)
        }
    }

    /// Reads a message of exactly that form; nil for any other.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count <= SignerRequest.limitBytes,
            let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n"),
            let end = text.firstIndex(of: "\n")
        else { return nil }
        let rest = text[text.index(after: end)...]
        let lines = rest.split(separator: "\n", omittingEmptySubsequences: false)
        switch text[..<end] {
        case "key" where lines.count == 2 && NoteKey.isName(String(lines[0])):
            self = .key(origin: String(lines[0]))
        case "seen" where lines.count == 2 && NoteKey.isName(String(lines[0])):
            self = .seen(name: String(lines[0]))
        case "checkpoint":
            guard let checkpoint = try? Checkpoint(text: Array(rest.utf8)),
                NoteKey.isName(checkpoint.origin)
            else { return nil }
            self = .checkpoint(checkpoint)
        case "epoch":
            guard lines.count == 7, NoteKey.isName(String(lines[1])),
                let boot = UInt64(lines[2], radix: 16), let number = UInt64(lines[3]), number > 0,
                let first = UInt64(lines[4]),
                let key = Base64.decode(Array(lines[5].utf8).span),
                key.count == SigningKey.keyBytes
            else { return nil }
            let origin = String(lines[1])
            self = .epoch(
                EpochCertificate(number: number, first: first, publicKey: key, signer: origin),
                origin: origin, boot: boot)
        default: return nil
        }
        // What is signed is what was asked for, with no second form and no further line.
        guard self.bytes == bytes else { return nil }
    }
}

/// Why a signer signs nothing.
public enum SignerRefusal: String, Error, Sendable, CaseIterable {
    /// The message is no request.
    case malformed
    /// The log is not of the name that this signer signs for.
    case origin
    /// A larger tree, another root of this size or this epoch was signed before.
    case fork
    /// No further log can be remembered.
    case full
    /// What was signed could not be made durable, or OpenSSL failed.
    case failed
}

/// What the signer answers.
public enum SignerReply: Equatable, Sendable {
    /// What was asked for, as lines.
    case ok([String])
    case refused(SignerRefusal)

    /// Longest answer.
    public static let limitBytes = 1 << 16

    /// The message.
    public var bytes: [UInt8] {
        switch self {
        case .ok(let lines): Array("ok\n".utf8) + lines.flatMap { Array("\($0)\n".utf8) }
        case .refused(let why): Array("refused\n\(why.rawValue)\n".utf8)
        }
    }

    /// Reads a message of exactly that form; nil for any other.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count <= SignerReply.limitBytes,
            let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n")
        else { return nil }
        let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        switch lines.first {
        case "ok": self = .ok(lines.dropFirst().map { String($0) })
        case "refused":
            guard lines.count == 2, let why = SignerRefusal(rawValue: String(lines[1])) else {
                return nil
            }
            self = .refused(why)
        default: return nil
        }
        guard self.bytes == bytes else { return nil }
    }

    /// The bytes that the one line of an answer is base64 of; nil when it is not `count` of them.
    public func decoded(count: Int) -> [UInt8]? {
        guard case .ok(let lines) = self, lines.count == 1,
            let bytes = Base64.decode(Array(lines[0].utf8).span), bytes.count == count
        else { return nil }
        return bytes
    }

    /// The answer to `seen`; nil when it is none.
    public func checkpoints(source: String) -> [SeenCheckpoint]? {
        guard case .ok(let lines) = self else { return nil }
        var found: [SeenCheckpoint] = []
        for line in lines {
            let pieces = line.split(separator: " ", omittingEmptySubsequences: false)
            guard pieces.count == 3, let size = UInt64(pieces[1]),
                let root = Base64.decode(Array(pieces[2].utf8).span).flatMap({
                    Digest256($0.span)
                })
            else { return nil }
            found.append(
                SeenCheckpoint(
                    origin: String(pieces[0]), size: size, root: root, source: source))
        }
        return found
    }
}
