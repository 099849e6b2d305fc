import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Takes what identifies a person out of a record before it is encoded, as settings say: puts
/// pseudonyms in its place, or seals the whole subject part under a key of that subject.
///
/// A record in, a record out, so that no encoder has to know of it. On the writer's thread;
/// nothing is allocated but the row of a subject that is new in the epoch.
struct IdentityVeil: ~Copyable, Sendable {
    private let subject: PrivacySettings.Subject
    private let address: PrivacySettings.Address
    var keyring: Keyring
    private var box: SealingBox
    private let limits = RecordLimits.largest
    /// The fields of the record in hand, as they are to be encoded.
    private var fields: ByteBuffer
    /// Those that are sealed.
    private var open: ByteBuffer
    /// The subject part that is sealed.
    private var part: ByteBuffer

    /// A veil as `settings` say.
    init(_ settings: PrivacySettings, keyring: consuming Keyring) throws(AuditWriterError) {
        let newBox: SealingBox
        do {
            newBox = try SealingBox(capacity: RecordLimits.openSubjectBytes)
        } catch {
            throw .cryptography(error)
        }
        box = newBox
        subject = settings.subject
        address = settings.clientAddress
        self.keyring = keyring
        let room = limits.maximumFieldBytes + limits.maximumVeilBytes
        fields = ByteBuffer(capacity: room)
        open = ByteBuffer(capacity: room)
        part = ByteBuffer(capacity: RecordLimits.openSubjectBytes)
    }

    /// The veil that `settings` ask for, with the keyring in a log's folder; nil for none.
    ///
    /// - Parameter always: Makes one that covers nothing, for the keyring that it has.
    static func make(
        _ settings: PrivacySettings, in root: borrowing DurableDirectory, now: WallTime,
        always: Bool = false
    ) throws(AuditWriterError) -> IdentityVeil? {
        guard settings.needsKeyring || always else { return nil }
        var key: SecretBytes?
        if let path = settings.keyringKeyPath { key = try wrappingKey(path) }
        return try IdentityVeil(
            settings,
            keyring: Keyring(
                in: root, wrappingKey: key, keySeconds: settings.keySeconds, now: now))
    }

    private static func wrappingKey(_ path: String) throws(AuditWriterError) -> SecretBytes {
        do {
            let (bytes, _) = try FileReading.read(path, limitBytes: 256)
            guard let key = KeyringFile.wrappingKey(bytes.span) else {
                throw AuditWriterError.keyringKeyMalformed
            }
            return key
        } catch {
            throw AuditWriterError(keyring: error)
        }
    }

    /// Adds a record to `batch` as the settings want it; false when the batch has no room.
    mutating func add(
        _ facts: RecordFacts, _ source: Span<UInt8>, _ encoder: inout PartsEncoder,
        _ batch: inout BatchEncoder, _ tree: inout LogTree
    ) throws(EvidenceError) -> Bool {
        var facts = facts
        try cover(&facts, source, &encoder)
        return try batch.add(facts, fields: fields.span, encoder: &encoder, tree: &tree)
    }

    /// Covers a record: changes its facts, and keeps in `fields` what is left of its fields.
    private mutating func cover(
        _ facts: inout RecordFacts, _ source: Span<UInt8>, _ encoder: inout PartsEncoder
    ) throws(EvidenceError) {
        let place = subject == .sealed ? place(of: source) : nil
        fields.removeAll()
        if address == .pseudonym { coverAddresses(&facts) }
        // Without a subject there is no key to seal with, so that what else is there is covered.
        let coversText = subject == .pseudonym || (subject == .sealed && place == nil)
        var isCovered = false
        var reader = FieldReader()
        while let found = reader.next(in: source) {
            if coversText, let label = found.field.pseudonymLabel {
                cover(found, label, source)
                isCovered = true
            } else {
                IdentityVeil.copy(found, source, &fields)
            }
        }
        if isCovered { IdentityVeil.name(keyring.pseudonyms.id, .subjectKey, &fields) }
        if let place { try seal(&facts, place, &encoder) }
    }

    /// Puts pseudonyms in the place of the addresses.
    private mutating func coverAddresses(_ facts: inout RecordFacts) {
        guard facts.client != .unknown || facts.peer != .unknown else { return }
        if facts.client != .unknown {
            append(.clientPseudonym, keyring.pseudonyms.digest(facts.client.address))
            facts.client = .unknown
        }
        if facts.peer != .unknown {
            // The port goes as well: with the time, it can lead to the address.
            append(.peerPseudonym, keyring.pseudonyms.digest(facts.peer.address))
            facts.peer = .unknown
        }
        IdentityVeil.name(keyring.pseudonyms.id, .addressKey, &fields)
    }

    /// Appends a field's pseudonym instead of its value.
    private mutating func cover(
        _ found: FieldReader.Field, _ label: StaticString, _ source: Span<UInt8>
    ) {
        let value = source.extracting(found.value)
        let digest: Digest256
        if found.fullCount == 0 {
            digest = keyring.pseudonyms.digest(label, value)
        } else {
            // The digest of a name can be guessed as well as the name can, so it does not stay.
            let start = found.value.lower - Digest256.byteCount
            digest = keyring.pseudonyms.digest(
                label, cut: source.extracting(start..<found.value.lower))
        }
        if found.field == .certificateHash {
            let bytes = digest.inlineBytes
            let limits = limits
            _ = fields.write { $0.appendRecordField(.certificateHash, bytes.span, limits: limits) }
        } else {
            append(found.field, digest)
        }
    }

    /// Where the row of the record's subject lies; nil when it names none.
    private mutating func place(of source: Span<UInt8>) -> Digest256? {
        var reader = FieldReader()
        while let found = reader.next(in: source) {
            guard found.field == .subject else { continue }
            guard found.fullCount != 0 else {
                return keyring.pseudonyms.digest(
                    PseudonymKey.place, source.extracting(found.value))
            }
            let start = found.value.lower - Digest256.byteCount
            return keyring.pseudonyms.digest(
                PseudonymKey.place, cut: source.extracting(start..<found.value.lower))
        }
        return nil
    }

    /// Seals the subject part of the record whose fields are in `fields`.
    private mutating func seal(
        _ facts: inout RecordFacts, _ place: Digest256, _ encoder: inout PartsEncoder
    ) throws(EvidenceError) {
        let (id, key) = keyring.key(of: place, now: facts.time)
        swap(&fields, &open)
        part.removeAll()
        let isWhole = IdentityVeil.encode(facts, open, &part, &encoder)
        // The room was made for the longest.
        precondition(isWhole)
        try IdentityVeil.seal(part, key, &box)
        facts.client = .unknown
        facts.peer = .unknown
        facts.role = RecordFacts.noIndex
        fields.removeAll()
        IdentityVeil.copyOthers(open, &fields)
        IdentityVeil.append(box, &fields)
        IdentityVeil.name(id, .subjectKey, &fields)
    }

    // Functions of the pieces, so that a span of one may be read beside a change of another.

    private static func encode(
        _ facts: RecordFacts, _ fields: borrowing ByteBuffer, _ part: inout ByteBuffer,
        _ encoder: inout PartsEncoder
    ) -> Bool {
        let span = fields.span
        return part.write { writer in
            encoder.encodeSubject(facts, fields: span, into: &writer)
            return !writer.overflowed
        }
    }

    private static func seal(
        _ part: borrowing ByteBuffer, _ key: Digest256, _ box: inout SealingBox
    ) throws(EvidenceError) {
        do {
            try box.seal(part.span, key: key)
        } catch {
            throw .cryptographyFailed
        }
    }

    private static func copyOthers(_ source: borrowing ByteBuffer, _ target: inout ByteBuffer) {
        let span = source.span
        var reader = FieldReader()
        while let found = reader.next(in: span) {
            if !found.field.isOfSubject { copy(found, span, &target) }
        }
    }

    private static func append(_ box: borrowing SealingBox, _ target: inout ByteBuffer) {
        let sealed = box.sealed
        let count = (sealed.count * 4 + 2) / 3
        target.write { writer in
            writer.append(RecordField.sealedSubject.rawValue)
            writer.append(0)
            writer.appendBigEndian(UInt16(truncatingIfNeeded: count))
            Base64URL.encode(sealed, into: &writer)
        }
    }

    private static func copy(
        _ found: FieldReader.Field, _ source: Span<UInt8>, _ target: inout ByteBuffer
    ) {
        let head =
            found.fullCount == 0 ? RecordFieldFormat.headBytes : RecordFieldFormat.cutHeadBytes
        let whole = source.extracting(found.value.lower - head..<found.value.upper)
        target.write { $0.append(whole) }
    }

    private mutating func append(_ field: RecordField, _ digest: Digest256) {
        fields.write { writer in
            writer.append(field.rawValue)
            writer.append(0)
            writer.appendBigEndian(UInt16(RecordLimits.pseudonymBytes))
            writer.appendHex(digest.words.0, digits: 16)
            writer.appendHex(digest.words.1, digits: 16)
        }
    }

    private static func name(
        _ key: UInt64, _ field: RecordField, _ target: inout ByteBuffer
    ) {
        target.write { writer in
            writer.append(field.rawValue)
            writer.append(0)
            writer.appendBigEndian(UInt16(RecordLimits.keyNumberBytes))
            writer.appendHex(key, digits: 16)
        }
    }
}

extension RecordField {
    /// What the field's pseudonyms are made with; nil for what identifies nobody.
    ///
    /// A token's digest stays: only who has the token can tell which one it was.
    var pseudonymLabel: StaticString? {
        switch self {
        case .subject: "sub"
        case .clientID: "client_id"
        case .tokenID: "jti"
        case .certificateHash: "cert/sha256"
        case .certificateSubject: "cert/subject"
        case .certificateName: "cert/names"
        default: nil
        }
    }
}
