import AuditPublishing
import AuditRecords
import AuditWriter

/// What journald and witnesses remember of the log, asked before it is opened: a log of which they
/// have seen more was rolled back, and is not continued.
struct OutsideMemory {
    let settings: AuditSettings
    /// Is told when the journal can't be asked.
    let tell: (String) -> Void

    func recall(_ log: FoundLog?) -> Hearsay {
        var hearsay = Hearsay()
        if let journal = settings.journal { hearsay.add(recall(journal, log)) }
        if let log { hearsay.add(WitnessMemory.recall(settings.witnesses, of: log)) }
        return hearsay
    }

    private func recall(_ journal: JournalSettings, _ log: FoundLog?) -> Hearsay {
        var hearsay = Hearsay()
        let why: String
        switch JournalMemory.recall(journal) {
        case nil: return hearsay
        case .notes(let notes):
            hearsay.notes = notes
            guard notes.isEmpty, log != nil else { return hearsay }
            why = "it has no checkpoint that this user sent, or may read"
        case .unreadable(let error): why = "\(error)"
        case .late: why = "it took too long"
        }
        tell("the journal was not asked whether the log is as it was: \(why)")
        return hearsay
    }
}
