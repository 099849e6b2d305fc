import AuditRecords
import AuditSegments
import LinuxIO
import Primitives

/// What people ask of the log, through other threads.
extension LogWriter {
    /// Does `request`, durably. Only what ends the writer is thrown.
    mutating func perform(
        _ request: WriterRequest, now: Instant, wall: WallTime
    ) throws(AuditWriterError) -> WriterAnswer {
        switch request {
        case .record(let event):
            try add(event, now: now, wall: wall)
            try flush(now: now, wall: wall)
            return .recorded
        case .erase(let subject, let reason, let requester):
            // A record that still waits would give the subject a key again.
            _ = try turn(now: now, wall: wall)
            let order: KeyErasure
            do {
                order = try prepareErasure(of: subject, reason: reason, by: requester, wall: wall)
            } catch {
                return .refused(error)
            }
            try finish(order, now: now, wall: wall)
            return .erased(keys: order.places.map(\.id))
        case .hold(let hold):
            return try changeHolds(now: now, wall: wall) { (holds) throws(WriterRefusal) in
                guard holds.add(hold) else { throw .holdPresent }
            }
        case .release(let name):
            return try changeHolds(now: now, wall: wall) { (holds) throws(WriterRefusal) in
                guard holds.release(name) else { throw .holdMissing }
            }
        case .adopt(let names, let generation):
            encoder.adopt(names, generation: generation)
            text = ByteBuffer(capacity: encoder.maximumBytes(.largest) + LogWriter.spareBytes)
            identity.settingsDigest = names.settingsDigest
            return .adopted
        }
    }

    /// Changes the log's holds, which are in force from then on, and records which there are.
    private mutating func changeHolds(
        now: Instant, wall: WallTime, _ change: (inout LegalHolds) throws(WriterRefusal) -> Void
    ) throws(AuditWriterError) -> WriterAnswer {
        var holds = readHolds() ?? LegalHolds()
        guard !holds.isUnreadable else { return .refused(.holdsUnreadable) }
        do throws(WriterRefusal) { try change(&holds) } catch { return .refused(error) }
        do throws(SystemError) {
            try folder.root.replace(LegalHolds.fileName, holds.json.span)
        } catch {
            return .refused(.holdsUnwritable(error))
        }
        try recordHolds(now: now, wall: wall)
        try flush(now: now, wall: wall)
        return .held(log: String(signer.key.name.suffix(16)))
    }

    mutating func add(
        _ event: AccountableEvent, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        text.removeAll()
        let parts = text.write { encoder.encode(event, time: wall, instant: now, into: &$0) }
        try addText(event.kind, parts, now, wall)
    }

    /// Finds the keys of `subject`, and notes durably that they are to be erased: from here on,
    /// a crash delays the erasure and its record, but loses neither.
    private mutating func prepareErasure(
        of subject: [UInt8], reason: String, by requester: Requester, wall: WallTime
    ) throws(WriterRefusal) -> KeyErasure {
        do {
            if let holds = try folder.root.read(LegalHolds.fileName),
                LegalHolds(file: holds).forbidsErasure
            {
                throw WriterRefusal.held
            }
            try openKeyring(wall: wall)
            guard let places = try veil?.keyring.places(of: subject) else {
                throw WriterRefusal.keyringMissing
            }
            let order = KeyErasure(places: places, reason: reason, requester: requester)
            if !places.isEmpty { try veil?.keyring.note(order) }
            return order
        } catch let refusal as WriterRefusal {
            throw refusal
        } catch {
            throw .keyring(AuditWriterError(keyring: error))
        }
    }

    /// Opens the keyring of a log whose records are no longer covered, if it has one.
    private mutating func openKeyring(wall: WallTime) throws {
        guard veil == nil, try !folder.root.names(in: KeyringFile.folder).isEmpty else { return }
        veil = try IdentityVeil.make(settings.privacy, in: folder.root, now: wall, always: true)
    }

    /// Erases the keys of `order` and records it.
    private mutating func finish(
        _ order: KeyErasure, now: Instant, wall: WallTime
    ) throws(AuditWriterError) {
        do {
            try veil?.keyring.erase(order.places)
        } catch {
            throw .writeRefused(error)
        }
        try add(
            .erasure(
                keys: order.places.map(\.id), reason: order.reason, by: order.requester),
            now: now, wall: wall)
        try flush(now: now, wall: wall)
        do {
            if !order.places.isEmpty { try veil?.keyring.forgetOrder() }
        } catch {
            throw .writeRefused(error)
        }
    }

    /// Does what an erasure that a crash interrupted has left to do.
    mutating func finishErasure(now: Instant, wall: WallTime) throws(AuditWriterError) {
        do {
            let path = "\(KeyringFile.folder)/\(KeyringFile.erasure)"
            guard let noted = try folder.root.read(path) else { return }
            guard let order = KeyErasure(json: noted) else {
                throw AuditWriterError.keyringDamaged(KeyringFile.erasure)
            }
            try openKeyring(wall: wall)
            try finish(order, now: now, wall: wall)
        } catch {
            throw AuditWriterError(keyring: error)
        }
    }
}
