import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Why a checkpoint or an epoch got no signature of the log's own key.
enum SigningFailure: Error, Equatable {
    /// The signer can't be reached, or did not answer in time: it may the next time.
    case unavailable(SystemError)
    /// It would contradict what was signed before, or the answer is none.
    case refused(EvidenceError)

    /// What the writer makes of it.
    var forWriter: AuditWriterError {
        switch self {
        case .unavailable(let error): .checkpointRefused(error)
        case .refused(let error): .evidence(error)
        }
    }
}

/// Signs with the log's own key: one in this process, or one that a signer holds.
struct LogSigner: ~Copyable, Sendable {
    /// What verifiers check with; its name is the log's origin.
    let key: NoteKey
    private var local: CheckpointSigner?
    private var remote: RemoteSigner?
    /// The last checkpoint that is known to have been signed by the other process.
    private var last: Checkpoint?

    /// A signer with a key of this process.
    init(_ signer: consuming CheckpointSigner) {
        key = signer.key
        local = consume signer
        remote = nil
        last = nil
    }

    /// A signer that asks another process.
    init(_ signer: consuming RemoteSigner, key: NoteKey, last: Checkpoint?) {
        self.key = key
        local = nil
        remote = consume signer
        self.last = last
    }

    /// The signed note for a tree of `size` leaves under `root`, with `epoch`'s line.
    mutating func sign(
        size: UInt64, root: Digest256, epoch: borrowing EpochSigner
    ) throws(SigningFailure) -> [UInt8] {
        do {
            if let note = try local?.sign(size: size, root: root, epoch: epoch) { return note }
        } catch {
            throw .refused(error)
        }
        let checkpoint = Checkpoint(origin: key.name, size: size, root: root)
        if let last {
            guard size > last.size || (size == last.size && root == last.root) else {
                throw .refused(.signingWouldFork)
            }
        }
        let text = checkpoint.text
        let signature = try ask(.checkpoint(checkpoint), over: text)
        last = checkpoint
        let own = SignedNote.Line(name: key.name, identifier: key.identifier, signature: signature)
        do {
            let second = try epoch.line(text)
            return SignedNote(text: text, lines: [own] + (second.map { [$0] } ?? [])).bytes
        } catch {
            throw .refused(error)
        }
    }

    /// Certifies the first epoch of the process `boot`.
    mutating func certify(
        _ epoch: EpochCertificate, boot: UInt64
    ) throws(SigningFailure) -> [UInt8] {
        do {
            if let signature = try local?.certify(epoch, boot: boot) { return signature }
        } catch {
            throw .refused(error)
        }
        return try ask(
            .epoch(epoch, origin: key.name, boot: boot),
            over: epoch.text(origin: key.name, boot: boot))
    }

    /// The other process's signature over `text`, which is checked before it is used.
    private mutating func ask(
        _ request: SignerRequest, over text: [UInt8]
    ) throws(SigningFailure) -> [UInt8] {
        guard let reply = try remote?.ask(request) else { throw .refused(.cryptographyFailed) }
        // What the signer could not make durable it may the next time.
        if reply == .refused(.failed) { throw .unavailable(.notConnected("sign")) }
        if case .refused(let why) = reply { throw .refused(why.evidence) }
        guard let signature = reply.decoded(count: SigningKey.signatureBytes),
            Ed25519Verification.verify(
                signature: signature.span, message: text.span, publicKey: key.publicKey.span)
        else { throw .refused(.signatureWrong) }
        return signature
    }
}

extension SignerRefusal {
    /// What it means for the log.
    var evidence: EvidenceError {
        switch self {
        case .fork: .signingWouldFork
        case .full: .signerFull
        case .origin: .originDiffers
        case .malformed: .checkpointMalformed
        case .failed: .cryptographyFailed
        }
    }
}
