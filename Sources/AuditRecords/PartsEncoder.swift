import Primitives

/// Turns one record's facts and text into its three JSON parts (audit log format §2).
///
/// Runs for every record on the writer's thread, so names are escaped once, members are written
/// in the order that RFC 8785 §3.2.3 wants them sorted in, and nothing is allocated. Members
/// without a value are left out. `docs/audit-records.md` lists them all.
public struct PartsEncoder: ~Copyable {
    /// Most bytes of `redactions`: each rule in each member.
    static let redactionsBytes =
        RedactedField.allCases.count * (RedactionRule.limit + RecordNames.builtInRules.count)
        * (RedactionRule.nameBytes + 48)

    struct Slot: BitwiseCopyable {
        var range = ByteRange.empty
        var fullCount: UInt32 = 0
        var text = RecordText.plain
    }

    private(set) var current: NameTable
    /// Those of earlier generations that may still have requests under way, oldest first.
    private var earlier: [NameTable] = []
    /// Those of `current`.
    private(set) var fragments: Fragments
    /// `"boot":"…",` and `"instance":"…",`.
    let bootMember: [UInt8]
    let instanceMember: [UInt8]
    let instance: InstanceFacts

    /// What the record in hand has: a bit for each `RecordField`, and where its value lies.
    var present: UInt32 = 0
    /// Fields of the record in hand that stand in `esc`, and in `trunc`.
    var hostile: UInt32 = 0
    var cut: UInt32 = 0
    var slots = InlineArray<32, Slot>(repeating: Slot())
    var headerCount = 0
    var headers = InlineArray<10, Slot>(repeating: Slot())
    var responseHeaderCount = 0
    var responseHeaders = InlineArray<10, Slot>(repeating: Slot())
    var certificateNameCount = 0
    var certificateNames = InlineArray<8, Slot>(repeating: Slot())
    /// Which rules took something out of the record in hand, and what it left out.
    var redactions = RedactionSet()
    var omitted = OmittedCounts()

    /// An encoder for this process's records.
    public init(
        instance: InstanceFacts, names: RecordNames,
        generation: SettingsGeneration = SettingsGeneration(number: 0)
    ) {
        precondition(RecordLimits.headerCount == 10 && RecordLimits.certificateNameCount == 8)
        self.instance = instance
        current = NameTable(names, generation: generation)
        let bootMember = Array("\"boot\":\"\(instance.boot.hexText)\",".utf8)
        let instanceMember =
            instance.name.isEmpty
            ? []
            : CanonicalValue.member("\"instance\":\"", instance.name)
        fragments = Fragments(names, bootMember: bootMember, instanceMember: instanceMember)
        self.bootMember = bootMember
        self.instanceMember = instanceMember
    }

    /// Takes the names of a new settings generation; records of earlier ones still find theirs.
    public mutating func adopt(_ names: RecordNames, generation: SettingsGeneration) {
        earlier.append(current)
        current = NameTable(names, generation: generation)
        fragments = Fragments(
            names, bootMember: bootMember, instanceMember: instanceMember)
    }

    /// Forgets the names of the generations before `oldest`, which no record is made under any more.
    public mutating func forget(before oldest: SettingsGeneration) {
        guard !earlier.isEmpty else { return }
        earlier.removeAll { $0.generation < oldest }
    }

    /// Most bytes that the parts of a record within `limits` take.
    ///
    /// A byte of text becomes three at most. The rest are names, and members of fixed length.
    public borrowing func maximumBytes(_ limits: RecordLimits) -> Int {
        limits.maximumFieldBytes * 3 + limits.maximumVeilBytes + 4096
            + PartsEncoder.redactionsBytes
            + earlier.reduce(current.longestNamesBytes) { max($0, $1.longestNamesBytes) }
            + instanceMember.count
            + PartsEncoder.fragmentCount * (fragments.longest + PreparedWriter.slack)
    }

    /// Appends the three parts of one record, and answers where in `writer.span` they lie.
    ///
    /// - Parameters:
    ///   - fields: The text behind the facts, as `FieldReader` reads it.
    ///   - gap: Bytes before each part that are left to the caller.
    public mutating func encode(
        _ facts: RecordFacts, fields: Span<UInt8>, gap: Int = 0, into writer: inout ByteWriter
    ) -> RecordParts {
        if let parts = encodeQuickly(facts, fields, gap, &writer) { return parts }
        return encodeThoroughly(facts, fields, gap, &writer)
    }

    /// Does the same for any record.
    mutating func encodeThoroughly(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ gap: Int, _ writer: inout ByteWriter
    ) -> RecordParts {
        locate(fields)
        writer.skip(gap)
        let start = writer.count
        appendCore(facts, fields, &writer)
        let core = ByteRange(start: start, count: writer.count &- start)
        writer.skip(gap)
        let subjectStart = writer.count
        appendSubject(facts, fields, &writer)
        let subject = ByteRange(start: subjectStart, count: writer.count &- subjectStart)
        writer.skip(gap)
        let detailStart = writer.count
        appendDetail(fields, &writer)
        return RecordParts(
            core: core, subject: subject,
            detail: ByteRange(start: detailStart, count: writer.count &- detailStart))
    }

    /// Appends part 1 alone, as it is before it is sealed.
    public mutating func encodeSubject(
        _ facts: RecordFacts, fields: Span<UInt8>, into writer: inout ByteWriter
    ) {
        locate(fields)
        appendSubject(facts, fields, &writer)
    }

    /// The names that the record was made under.
    func names(of facts: RecordFacts) -> NameTable {
        if facts.generation == current.generation { return current }
        return earlier.first { $0.generation == facts.generation } ?? NameTable.unknown
    }

    /// Finds the record's text and what each value needs.
    private mutating func locate(_ fields: Span<UInt8>) {
        present = 0
        hostile = 0
        cut = 0
        headerCount = 0
        responseHeaderCount = 0
        certificateNameCount = 0
        redactions = RedactionSet()
        omitted = OmittedCounts()
        var reader = FieldReader()
        while let found = reader.next(in: fields) {
            guard !takeMark(found, fields) else { continue }
            let slot = Slot(
                range: found.value, fullCount: found.fullCount,
                text: found.field.isRaw
                    ? .plain : fields.extracting(found.value).recordText())
            guard place(slot, of: found.field) else { continue }
            let bit = PartsEncoder.bit(found.field)
            present |= bit
            if slot.text == .hostile { hostile |= bit }
            if slot.fullCount != 0 { cut |= bit }
        }
    }

    /// Takes in a field that says what was taken or left out; false when it is another.
    private mutating func takeMark(_ found: FieldReader.Field, _ fields: Span<UInt8>) -> Bool {
        switch found.field {
        case .redactions: redactions.formUnion(fields.extracting(found.value))
        case .omitted: omitted.add(fields.extracting(found.value))
        default: return false
        }
        return true
    }

    /// Keeps where the value of `field` lies; false when there are too many of it.
    private mutating func place(_ slot: Slot, of field: RecordField) -> Bool {
        switch field {
        case .header:
            guard headerCount < RecordLimits.headerCount else { return false }
            headers[headerCount] = slot
            headerCount &+= 1
        case .responseHeader:
            guard responseHeaderCount < RecordLimits.headerCount else { return false }
            responseHeaders[responseHeaderCount] = slot
            responseHeaderCount &+= 1
        case .certificateName:
            guard certificateNameCount < RecordLimits.certificateNameCount else { return false }
            certificateNames[certificateNameCount] = slot
            certificateNameCount &+= 1
        default:
            slots[Int(field.rawValue)] = slot
        }
        return true
    }

    func has(_ field: RecordField) -> Bool {
        present & PartsEncoder.bit(field) != 0
    }

    static func bit(_ field: RecordField) -> UInt32 { 1 << UInt32(field.rawValue) }
}

extension RecordField {
    /// Whether the value is bytes of a form of its own, and no text.
    var isRaw: Bool {
        switch self {
        case .tokenThumbprint, .certificateHash, .redactions, .omitted, .requestBody,
            .responseBody:
            true
        default: false
        }
    }

    /// Whether the quick way can write it.
    var isUsual: Bool {
        switch self {
        case .header, .method, .responseHeader, .query, .redactions, .omitted, .requestBody,
            .responseBody, .requestText, .responseText:
            false
        default: true
        }
    }

    /// Whether the writer puts the field in the place of others, so that no worker sends it.
    public var isOfVeil: Bool {
        switch self {
        case .clientPseudonym, .peerPseudonym, .addressKey, .subjectKey, .sealedSubject: true
        default: false
        }
    }

    /// Whether the field is of part 1: who asked.
    public var isOfSubject: Bool {
        isOfVeil || PartsEncoder.subjectFields & PartsEncoder.bit(self) != 0
            || self == .tokenThumbprint || self == .certificateHash
    }
}
