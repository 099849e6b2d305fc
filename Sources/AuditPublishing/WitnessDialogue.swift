import AuditRecords
import AuditSegments
import Crypto
import Primitives

/// What a witness is asked, and what its answer means (C2SP tlog-witness, `add-checkpoint`).
///
/// ```
/// POST <prefix>/add-checkpoint        old <size the witness cosigned last> LF
///                                     base64 hash LF        of the consistency proof, 63 at most
///                                     LF
///                                     the signed checkpoint
/// 200  cosignatures, one a line       409  another size than `old`: "text/x.tlog.size", size LF
/// 403  no signature of the log's key  404  unknown log       422  the proof does not hold
/// ```
struct WitnessDialogue: Sendable {
    /// What an answer means.
    enum Outcome: Equatable, Sendable {
        /// The witness saw and cosigned the checkpoint, at this second of its clock.
        case cosigned(SignedNote.Line, seconds: UInt64)
        /// The witness has cosigned so many entries of this log.
        case hasCosigned(size: UInt64)
        /// The witness does not cosign this.
        case refused(status: Int)
        /// What came is no answer of a witness.
        case answerMalformed
        /// Nothing came.
        case unreachable(why: String)
    }

    let key: WitnessKey
    /// The checkpoint that is to be cosigned.
    let note: SignedNote
    let size: UInt64

    private static let sizeType = "text/x.tlog.size"

    init(key: WitnessKey, note: SignedNote, size: UInt64) {
        self.key = key
        self.note = note
        self.size = size
    }

    /// The body of a request after a tree of `old` leaves.
    func body(old: UInt64, proof: [Digest256]) -> [UInt8] {
        var bytes = Array("old \(old)\n".utf8)
        for hash in proof { bytes += Array("\(Base64.encode(hash.bytes.span))\n".utf8) }
        return bytes + [.lineFeed] + note.bytes
    }

    /// The request of the witness of `settings`, after a tree of `old` leaves.
    func request(_ settings: WitnessSettings, old: UInt64, proof: [Digest256]) -> WebRequest {
        WebRequest(
            url: "\(settings.url)/add-checkpoint", body: body(old: old, proof: proof),
            authoritiesPath: settings.authoritiesPath)
    }

    /// What `answer` means; cosignatures are verified.
    func outcome(_ answer: WebAnswer) -> Outcome {
        switch answer {
        case .failed(let why): .unreachable(why: why)
        case .answered(let status, let type, let body):
            switch status {
            case 200: cosignature(body)
            case 409 where type == WitnessDialogue.sizeType: conflict(body)
            default: .refused(status: status)
            }
        }
    }

    private func cosignature(_ body: [UInt8]) -> Outcome {
        // The lines of a note without its text: lines of other keys are none of ours.
        guard let lines = (try? SignedNote(note.text + [.lineFeed] + body))?.lines,
            let line = lines.first(where: {
                $0.name == key.name && $0.identifier == key.identifier
            }),
            let seconds = try? key.verify(SignedNote(text: note.text, lines: [line]))
        else { return .answerMalformed }
        return .cosigned(line, seconds: seconds)
    }

    private func conflict(_ body: [UInt8]) -> Outcome {
        guard body.last == .lineFeed,
            let size = UInt64(String(decoding: body.dropLast(), as: UTF8.self)),
            Array("\(size)\n".utf8) == body
        else { return .answerMalformed }
        return .hasCosigned(size: size)
    }
}
