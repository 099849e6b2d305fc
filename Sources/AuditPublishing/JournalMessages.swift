import AuditSegments
import AuditWriter
import Primitives

/// What journald is told, field by field (docs/audit-log.md lists them).
public enum JournalMessages {
    /// `MESSAGE_ID` of a signed checkpoint.
    public static let checkpointIdentifier = "7078cd0c4d32458981e881110a50f2a2"
    /// `MESSAGE_ID` of a lifecycle event or a gap.
    public static let eventIdentifier = "53329d000ae145c9b65188ae3bee6f74"
    /// `MESSAGE_ID` of what could not be sent.
    public static let lossIdentifier = "93c93fe0e6784490bbc81a6cbc4a8425"

    /// Events that belong to every day; others deserve a look.
    private static let ordinary: Set<String> = ["start", "stop", "reload", "certificates_loaded"]

    /// The message of `publication` in the log `origin`; nil for a note that is none.
    public static func entry(_ publication: Publication, origin: String) -> JournalEntry? {
        switch publication {
        case .checkpoint(let note): entry(note: note)
        case .event(let event): entry(event, origin: origin)
        }
    }

    private static func entry(note: [UInt8]) -> JournalEntry? {
        guard let signed = try? SignedNote(note), let claim = try? Checkpoint(text: signed.text)
        else { return nil }
        let root = Base64.encode(claim.root.bytes.span)
        var entry = JournalEntry(
            "audit checkpoint of \(claim.origin): \(claim.size) entries, root \(root)",
            identifier: checkpointIdentifier, priority: .info)
        entry.add("SALLYPORT_EVENT", "checkpoint")
        entry.add("SALLYPORT_ORIGIN", claim.origin)
        entry.add("SALLYPORT_TREE_SIZE", "\(claim.size)")
        entry.add("SALLYPORT_ROOT", root)
        entry.add("SALLYPORT_NOTE", note)
        return entry
    }

    private static func entry(_ event: PublishedEvent, origin: String) -> JournalEntry {
        var entry = JournalEntry(
            "audit log \(origin): \(event.word), entry \(event.index)",
            identifier: eventIdentifier,
            priority: ordinary.contains(event.word) ? .notice : .warning)
        entry.add("SALLYPORT_EVENT", event.word)
        entry.add("SALLYPORT_ORIGIN", origin)
        entry.add("SALLYPORT_INDEX", "\(event.index)")
        entry.add("SALLYPORT_RECORD", event.core)
        return entry
    }

    /// The last message of a process that could not send all.
    public static func entry(_ losses: PublicationLosses, origin: String) -> JournalEntry {
        var entry = JournalEntry(
            "audit log \(origin): \(losses.checkpoints) checkpoints, \(losses.events) events and "
                + "\(losses.records) records were not sent to journald; the log has them",
            identifier: lossIdentifier, priority: .warning)
        entry.add("SALLYPORT_EVENT", "journal_lost")
        entry.add("SALLYPORT_ORIGIN", origin)
        entry.add("SALLYPORT_LOST_CHECKPOINTS", "\(losses.checkpoints)")
        entry.add("SALLYPORT_LOST_EVENTS", "\(losses.events)")
        entry.add("SALLYPORT_LOST_RECORDS", "\(losses.records)")
        return entry
    }
}
