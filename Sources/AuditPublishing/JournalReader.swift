import AuditRecords
import AuditWriter
import CSystemd
import LinuxIO
import Primitives

/// Reads what is in the journal, over libsystemd.
@safe
struct JournalReader: ~Copyable {
    private let journal: OpaquePointer

    /// Most messages that are looked at, the newest first.
    static let limitMessages = 1000
    /// Longest note that is taken for one.
    private static let limitNoteBytes = 1 << 14

    /// Opens the journal that messages sent as `settings` say end up in: the machine's, that of a
    /// namespace, or the folder that the settings name.
    init(_ settings: JournalSettings) throws(SystemError) {
        var made: OpaquePointer?
        let result: CInt
        // Safe: the texts live for the length of the call.
        if let path = settings.directoryPath {
            result = unsafe sd_journal_open_directory(&made, path, 0)
        } else if let name = settings.namespace {
            result = unsafe sd_journal_open_namespace(&made, name, CInt(SD_JOURNAL_LOCAL_ONLY))
        } else {
            result = unsafe sd_journal_open(&made, CInt(SD_JOURNAL_LOCAL_ONLY))
        }
        guard result >= 0, let made = unsafe made else {
            throw SystemError("sd_journal_open", -result)
        }
        unsafe journal = made
    }

    deinit { unsafe sd_journal_close(journal) }

    /// The notes in the last messages about checkpoints that processes of `user` have sent, the
    /// newest first, as far as they are found before `deadline`.
    ///
    /// Whose process it was, journald knows from the kernel; all else is what the sender says.
    func notes(user: UInt32, until deadline: Instant) throws(SystemError) -> [SeenNote] {
        for match in ["MESSAGE_ID=\(JournalMessages.checkpointIdentifier)", "_UID=\(user)"] {
            // Safe: the text lives for the length of the call, which copies it.
            try check("sd_journal_add_match", unsafe sd_journal_add_match(journal, match, 0))
        }
        try check("sd_journal_seek_tail", unsafe sd_journal_seek_tail(journal))
        var notes: [SeenNote] = []
        for _ in 0..<JournalReader.limitMessages where SystemClock.monotonic() < deadline {
            let found = unsafe sd_journal_previous(journal)
            try check("sd_journal_previous", found)
            guard found > 0 else { break }
            if let note = field("SALLYPORT_NOTE") {
                notes.append(SeenNote(note: note, source: "journald"))
            }
        }
        return notes
    }

    /// A field of the message at hand; nil when it has none that is short enough.
    private func field(_ name: String) -> [UInt8]? {
        var start: UnsafeRawPointer?
        var count = 0
        // Safe: the bytes are libsystemd's until its next call, and are copied before it.
        guard unsafe sd_journal_get_data(journal, name, &start, &count) >= 0,
            count <= JournalReader.limitNoteBytes, let start = unsafe start
        else { return nil }
        let whole = unsafe UnsafeRawBufferPointer(start: start, count: count)
        return unsafe [UInt8](whole.dropFirst(name.utf8.count + 1))
    }

    private func check(_ call: StaticString, _ result: CInt) throws(SystemError) {
        guard result < 0 else { return }
        throw SystemError(call, -result)
    }
}

extension JournalSettings {
    /// The namespace whose journald listens at `socketPath`; nil for the machine's own.
    var namespace: String? {
        let (start, end) = ("/run/systemd/journal.", "/socket")
        guard socketPath.hasPrefix(start), socketPath.hasSuffix(end) else { return nil }
        let name = socketPath.dropFirst(start.utf8.count).dropLast(end.utf8.count)
        return name.isEmpty || name.contains("/") ? nil : String(name)
    }

    /// Whether it is known where the messages end up.
    var isReadable: Bool {
        directoryPath != nil || namespace != nil
            || socketPath == JournalSettings.standardSocketPath
    }
}
