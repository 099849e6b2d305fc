import AuditRecords
import AuditSegments
import AuditWriter
import Primitives

/// Asks witnesses, before a log is opened, how much of it they have cosigned.
public enum WitnessMemory {
    /// How long they may take together.
    private static let patienceMilliseconds: UInt32 = 2000

    /// What the witnesses say of `log`, and what is kept of their cosignatures.
    ///
    /// Each is asked for the log's last checkpoint as by somebody who knows nothing of it: whoever
    /// has cosigned another answers with its size (409). One that can't be reached says nothing;
    /// the witnesses' thread will tell of it.
    public static func recall(_ settings: [WitnessSettings], of log: FoundLog) -> Hearsay {
        var hearsay = Hearsay()
        var dialogues: [WitnessDialogue] = []
        var requests: [WebRequest] = []
        let note = log.published.flatMap { try? SignedNote($0) }
        let claim = note.flatMap { try? Checkpoint(text: $0.text) }
        for one in settings {
            guard let key = try? WitnessKey(one.key) else { continue }
            if let kept = kept(by: key, log) {
                hearsay.notes.append(SeenNote(note: kept.bytes, source: key.name))
            }
            guard let note, let claim, claim.origin == log.origin else { continue }
            let dialogue = WitnessDialogue(key: key, note: note, size: claim.size)
            dialogues.append(dialogue)
            requests.append(dialogue.request(one, old: 0, proof: []))
        }
        guard !requests.isEmpty, let client = WebClient() else { return hearsay }
        let answers = client.answers(
            to: requests, milliseconds: patienceMilliseconds, isHurried: { false })
        for (dialogue, answer) in zip(dialogues, answers) {
            guard case .hasCosigned(let size) = dialogue.outcome(answer), size > dialogue.size
            else { continue }
            hearsay.checkpoints.append(
                SeenCheckpoint(
                    origin: log.origin, size: size, root: nil, source: dialogue.key.name))
        }
        return hearsay
    }

    private static func kept(by key: WitnessKey, _ log: FoundLog) -> SignedNote? {
        guard let folder = try? TileFolder(log: log.path) else { return nil }
        return folder.cosignedNote(by: key)
    }
}
